package gormtest

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

var kills = flag.Int("kills", rounds.Of(1, 2), "how many times TestKill kills each server")

// life is one session that a worker writes to, and what the worker knows about it.
type life struct {
	rec     driver.Record
	acked   uint64 // the last number that was certainly stored
	tried   uint64 // the last number that may have been stored
	deleted bool   // it was certainly deleted
	maybe   bool   // it may have been deleted, or was never created
}

// TestKill kills a server under load several times. Nothing acknowledged is lost, each call ends, and both stores find
// the server again. How long that takes also depends on the machine, so it is only logged.
func TestKill(t *testing.T) {
	for _, e := range servers {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			stores := [2]*gormstore.Store{newStore(t, p.open(t), config), newStore(t, p.open(t), config)}
			before := runtime.NumGoroutine()
			var load load
			var waited time.Duration
			for range *kills {
				var wg sync.WaitGroup
				var stop atomic.Bool
				lives := make([][]*life, 8)
				for w := range lives {
					wg.Go(func() {
						for !stop.Load() {
							lives[w] = append(lives[w], live(t, stores[w%2], &stop, &load))
						}
					})
				}
				time.Sleep(300 * time.Millisecond)
				p.server.Kill()
				time.Sleep(100 * time.Millisecond)
				p.server.Restart(t)
				back := time.Now()
				for _, s := range stores {
					for s.Ping(t.Context()) != nil {
						if time.Since(back) > patience {
							t.Fatalf("not back %v after the server", patience)
						}
						time.Sleep(time.Millisecond)
					}
				}
				waited = max(waited, time.Since(back))
				time.Sleep(200 * time.Millisecond)
				stop.Store(true)
				wg.Wait()
				for w := range lives {
					for _, l := range lives[w] {
						l.verify(t, stores[(w+1)%2])
					}
				}
			}
			settled(t, before+4*16)
			t.Logf("%d kills, %d answers, %d failures, the slowest call %v, back %v after the server at most", *kills,
				load.answers.Load(), load.failures.Load(), time.Duration(load.slowest.Load()), waited)
			if load.answers.Load() < 100 {
				t.Error("no load")
			}
		})
	}
}

var serial atomic.Int64

// load counts the outcomes of the workers' calls.
type load struct{ answers, failures, slowest atomic.Int64 }

func (l *load) add(took time.Duration, err error) {
	for slowest := l.slowest.Load(); int64(took) > slowest && !l.slowest.CompareAndSwap(slowest, int64(took)); {
		slowest = l.slowest.Load()
	}
	if err == nil {
		l.answers.Add(1)
	} else {
		l.failures.Add(1)
	}
}

// live creates a session, writes numbers to it, and deletes three of four sessions.
func live(t *testing.T, s *gormstore.Store, stop *atomic.Bool, load *load) *life {
	number := int(serial.Add(1))
	l := &life{rec: *record(1<<20+number, "alice", 8)}
	call := func(f func(ctx context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		start := time.Now()
		err := f(ctx)
		took := time.Since(start)
		if took > patience/2 {
			t.Errorf("a call took %v", took)
		}
		load.add(took, err)
		if err != nil {
			time.Sleep(time.Millisecond)
		}
		return err
	}
	if err := call(func(ctx context.Context) error { return s.Create(ctx, &l.rec) }); err != nil {
		l.maybe = true
		unavailable(t, "Create", err)
		return l
	}
	for n := uint64(1); n <= 20 && !stop.Load(); n++ {
		next := l.rec
		next.Data = binary.BigEndian.AppendUint64(nil, n)
		l.tried = n
		if err := call(func(ctx context.Context) error { return s.Update(ctx, &next) }); err != nil {
			unavailable(t, "Update", err)
			return l
		}
		l.rec, l.acked = next, n
	}
	if number%4 != 0 {
		err := call(func(ctx context.Context) error { return s.Delete(ctx, l.rec.ID) })
		l.deleted, l.maybe = err == nil, err != nil
		unavailable(t, "Delete", err)
	}
	return l
}

func unavailable(t *testing.T, what string, err error) {
	if err != nil && (!errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound)) {
		t.Errorf("%s: %v", what, err)
	}
}

func (l *life) verify(t *testing.T, s *gormstore.Store) {
	t.Helper()
	rec, err := s.Load(t.Context(), l.rec.ID)
	switch {
	case l.deleted:
		if !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("deleted, then Load: %v", err)
		}
	case errors.Is(err, driver.ErrNotFound) && l.maybe:
	case err != nil:
		t.Errorf("acknowledged %d, then Load: %v", l.acked, err)
	default:
		if n := binary.BigEndian.Uint64(rec.Data); n < l.acked || n > l.tried {
			t.Errorf("holds %d, acknowledged %d, tried %d", n, l.acked, l.tried)
		}
	}
}
