package gormstore

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// TestWritersQueue: where the database has no queue of its own, the store's writers wait for one another, in order; who
// reads waits for nobody, and who gives up leaves the queue.
func TestWritersQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := newFake(t, Config{})
		s.turn = make(chan struct{}, 1)
		var writing, wrote atomic.Int32
		f.answers(rows(1))
		f.hold = func(word string) {
			if word == "SELECT" {
				return
			}
			if n := writing.Add(1); n > 1 {
				t.Errorf("%d write at once", n)
			}
			time.Sleep(time.Second)
			writing.Add(-1)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		for i := range int32(10) {
			wg.Go(func() {
				if err := s.Update(ctx, new(driver.Record)); err != nil || wrote.Add(1) != i+1 {
					t.Errorf("writer %d: %v, after %d", i, err, wrote.Load())
				}
			})
			synctest.Wait() // it has begun, or queues
		}
		start := time.Now()
		if err := s.Ping(ctx); err != nil || time.Since(start) > 0 {
			t.Errorf("a reader: %v after %v", err, time.Since(start))
		}
		hasty, cancelHasty := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancelHasty()
		err := s.Delete(hasty, driver.ID{1})
		inTime := time.Since(start) < time.Second/2
		if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || !inTime {
			t.Errorf("who has no time: %v after %v", err, time.Since(start))
		}
		wg.Wait()
		if n := len(f.calls); n != 10+1 {
			t.Errorf("%d calls, want ten writers' and one reader's", n)
		}
	})
}

// TestOnlySQLiteQueues: the servers have queues.
func TestOnlySQLiteQueues(t *testing.T) {
	if !sqlite.queue || postgres.queue || mysql.queue {
		t.Error("SQLite has no queue of writers, the servers have")
	}
}
