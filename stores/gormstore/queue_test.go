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

// TestWritersQueue: while a writer that the database has refused waits, writers that come go one at a time, in order.
// Who reads waits for nobody, who gives up leaves the queue, and afterwards there is none.
func TestWritersQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := newFake(t, Config{})
		s.queue.turn = make(chan struct{}, 1)
		var writing, wrote, most atomic.Int32
		var calls atomic.Int32
		f.answers(func() (int64, error) {
			if calls.Add(1) == 1 {
				return 0, codeError(5) // SQLITE_BUSY
			}
			return 1, nil
		})
		f.hold = func(word string) {
			if word != "SELECT" {
				most.Store(max(most.Load(), writing.Add(1)))
				time.Sleep(time.Second)
				writing.Add(-1)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wg sync.WaitGroup
		write := func(order int32) {
			wg.Go(func() {
				if err := s.Update(ctx, new(driver.Record)); err != nil || order >= 0 && wrote.Add(1) != order+1 {
					t.Errorf("writer %d: %v, after %d", order, err, wrote.Load())
				}
			})
			synctest.Wait() // it has begun, or queues
		}
		write(0)
		time.Sleep(1500 * time.Millisecond) // it was refused, and has its turn
		for i := range int32(9) {
			write(i + 1)
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
		if n := most.Load(); n != 1 {
			t.Errorf("%d wrote at once", n)
		}
		if n := s.queue.refused.Load(); n != 0 {
			t.Errorf("%d are said to wait", n)
		}
		for range 3 {
			write(-1)
		}
		wg.Wait()
		if n := most.Load(); n != 3 {
			t.Errorf("%d wrote at once when nobody was refused, want 3", n)
		}
	})
}

// TestOnlySQLiteQueues: the servers have queues.
func TestOnlySQLiteQueues(t *testing.T) {
	if !sqlite.queue || postgres.queue || mysql.queue {
		t.Error("SQLite has no queue of writers, the servers have")
	}
}
