//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const countWriters, countTimes = 32, 5

// countRole adds to one session from many goroutines: to a total, and each to a place of its own. A writer may wait for
// 63 others. That took 64 ms at most at a load of 17 on two cores, and 1.4 s beside 24 busy loops and six
// programs that sync files. The test is about the count and not about time, so the deadline only ends a call that hangs.
func countRole(dir, arg string) error {
	s, err := New(dir, Config{})
	if err != nil {
		return err
	}
	first, _ := strconv.Atoi(arg)
	errs := make(chan error, countWriters)
	for w := range countWriters {
		go func() {
			for range countTimes {
				if err := countOnce(s, first+w); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range countWriters {
		err = errors.Join(err, <-errs)
	}
	return err
}

func countOnce(s *Store, place int) error {
	for {
		if err := tryCount(s, place); !errors.Is(err, driver.ErrConflict) {
			return err
		}
	}
}

func tryCount(s *Store, place int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rec, err := s.Load(ctx, driver.ID{1})
	if err != nil {
		return err
	}
	for _, at := range []int{0, 8 * (1 + place)} {
		binary.BigEndian.PutUint64(rec.Data[at:], 1+binary.BigEndian.Uint64(rec.Data[at:]))
	}
	return s.Update(ctx, &rec)
}

// 64 writers in two processes change one session, and no change is lost.
func TestProcessesCountTogether(t *testing.T) {
	s, dir := newStore(t)
	rec := newRecord("alice", string(make([]byte, 8*(1+2*countWriters))))
	rec.ID = driver.ID{1}
	check(t, s.Create(t.Context(), rec))
	var wg sync.WaitGroup
	for p := range 2 {
		wg.Go(func() { run(t, "count", dir, strconv.Itoa(p*countWriters)) })
	}
	wg.Wait()
	got, err := s.Load(t.Context(), rec.ID)
	check(t, err)
	if n := binary.BigEndian.Uint64(got.Data); n != 2*countWriters*countTimes {
		t.Errorf("counted %d, want %d", n, 2*countWriters*countTimes)
	}
	for w := range 2 * countWriters {
		if n := binary.BigEndian.Uint64(got.Data[8*(1+w):]); n != countTimes {
			t.Errorf("writer %d left %d, want %d", w, n, countTimes)
		}
	}
}
