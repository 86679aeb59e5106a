package filestore

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func TestLockWaitEndsWithContext(t *testing.T) {
	a, dir := newStore(t)
	b := openStore(t, dir)
	rec := create(t, a, "", "data")
	l, err := a.lock(t.Context(), rec.ID[0])
	check(t, err)
	for name, s := range map[string]*Store{"same store": a, "other store": b} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		err := s.Update(ctx, rec)
		cancel()
		wantError(t, err, driver.ErrUnavailable)
		wantError(t, err, context.DeadlineExceeded)
		if took := time.Since(start); took > time.Minute {
			t.Errorf("%s: waited %v", name, took)
		}
		if _, err := s.Load(t.Context(), rec.ID); err != nil {
			t.Errorf("%s: Load must not need the lock: %v", name, err)
		}
	}
	l.unlock()
	check(t, b.Update(t.Context(), rec))
}

// A process that never stops writing to a shard does not keep others out. Touch is the shortest write, so it leaves
// others the least time.
func TestLockTakesTurns(t *testing.T) {
	a, dir := newStore(t)
	b := openStore(t, dir)
	rec := create(t, a, "", "data")
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 8 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					a.Touch(context.Background(), rec.ID, rec.Version, rec.Used, rec.Expires)
				}
			}
		})
	}
	var worst time.Duration
	for range 50 {
		start := time.Now()
		check(t, b.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires))
		worst = max(worst, time.Since(start))
	}
	close(stop)
	busy.Wait()
	t.Logf("longest wait of 50: %v", worst)
	if worst > time.Minute {
		t.Errorf("a write waited %v for its turn", worst)
	}
}

// Given a Store that has locked a folder before, when somebody moves the folder away or removes it, then the Store locks
// the one that is there now, as all others do.
func TestLockOfAFolderThatWasReplaced(t *testing.T) {
	for what, replace := range map[string]func(dir string) error{
		"removed": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+"-away") },
	} {
		a, dir := newStore(t)
		b := openStore(t, dir)
		l, err := a.lock(t.Context(), 7)
		check(t, err)
		l.unlock()
		check(t, replace(filepath.Join(dir, shardName(7))))
		l, err = b.lock(t.Context(), 7)
		check(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if other, err := a.lock(ctx, 7); err == nil {
			t.Errorf("%s: two have the lock", what)
			other.unlock()
		}
		l.unlock()
		l, err = a.lock(t.Context(), 7)
		check(t, err)
		l.unlock()
	}
}
