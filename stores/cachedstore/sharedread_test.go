package cachedstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// A thousand misses at one moment are one read of the truth.
func TestOneReadForAThousandMisses(t *testing.T) {
	p := newPair(t)
	var arrived sync.WaitGroup
	var calls atomic.Int32
	arrived.Add(1000)
	p.a.cache.After(func(c storetest.Call) error {
		if c.Method == "Load" && calls.Add(1) <= 1000 { // who is late may look again
			arrived.Done()
			arrived.Wait() // all have found the cache empty
		}
		return nil
	})
	p.a.truth.Before(func(storetest.Call) error { time.Sleep(100 * time.Millisecond); return nil })
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			rec, err := p.a.Load(t.Context(), p.rec.ID)
			if err != nil || string(rec.Data) != "data" {
				t.Errorf("%q, %v", rec.Data, err)
			}
		})
	}
	wg.Wait()
	if n := p.a.truth.Calls()["Load"]; n != 1 {
		t.Errorf("%d reads of the truth", n)
	}
}

// While the cache is down, a thousand calls must not share a read that began before them: it could miss a change that
// was acknowledged in between. They share the next read.
func TestSharedReadIsNotStale(t *testing.T) {
	p := newPair(t)
	p.a.cache.Before(storetest.Outage)
	first := make(chan struct{})
	var reads atomic.Int32
	p.a.truth.After(func(c storetest.Call) error {
		if reads.Add(1) == 1 {
			<-first // it has the old state and takes its time
		}
		return nil
	})
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = p.a.Load(t.Context(), p.rec.ID) })
	eventually(t, func() bool { return p.a.truth.Calls()["Load"] == 1 })
	p.rec.Data = []byte("newer")
	must(t, p.b.Update(t.Context(), p.rec))
	var started sync.WaitGroup
	started.Add(999)
	for range 999 {
		wg.Go(func() {
			started.Done()
			if rec, err := p.a.Load(t.Context(), p.rec.ID); err != nil || string(rec.Data) != "newer" {
				t.Errorf("%q, %v", rec.Data, err)
			}
		})
	}
	started.Wait()
	time.Sleep(50 * time.Millisecond)
	p.a.truth.Before(func(storetest.Call) error { time.Sleep(20 * time.Millisecond); return nil })
	close(first)
	wg.Wait()
	if n := reads.Load(); n > 20 { // two, and a few for those that a busy machine held up
		t.Errorf("%d reads of the truth", n)
	}
}

// Each waiter has its own deadline. A waiter that leaves does not end the read for the others.
func TestWaitersLeave(t *testing.T) {
	p := newPair(t)
	over := make(chan struct{})
	var once sync.Once
	p.a.truth.Before(func(storetest.Call) error {
		once.Do(func() { <-over })
		return nil
	})
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	patient := make(chan error)
	leader := make(chan error)
	go func() { _, err := p.a.Load(short, p.rec.ID); leader <- err }()
	eventually(t, func() bool { return p.a.truth.Calls()["Load"] == 1 })
	go func() { _, err := p.a.Load(t.Context(), p.rec.ID); patient <- err }()
	err := <-leader
	wantError(t, err, driver.ErrUnavailable)
	wantError(t, err, context.DeadlineExceeded)
	time.Sleep(20 * time.Millisecond)
	close(over)
	must(t, <-patient)
}

func TestPanicInTheTruth(t *testing.T) {
	p := newPair(t)
	p.a.truth.Before(func(storetest.Call) error { panic("no") })
	_, err := p.a.Load(t.Context(), p.rec.ID)
	wantError(t, err, driver.ErrUnavailable)
	p.a.truth.Before(nil)
	p.reads(t, p.a, "data")
	if errors.Is(err, driver.ErrNotFound) {
		t.Error("a panic matches ErrNotFound")
	}
}
