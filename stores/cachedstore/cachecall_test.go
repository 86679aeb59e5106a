package cachedstore_test

import (
	"context"
	"maps"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// hanging is a cache whose calls last until their context ends, while on.
type hanging struct {
	driver.Store
	on atomic.Bool
}

func (h *hanging) wait(ctx context.Context) error {
	if !h.on.Load() {
		return nil
	}
	<-ctx.Done()
	return driver.Unavailable("hanging", ctx.Err())
}

func (h *hanging) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if err := h.wait(ctx); err != nil {
		return driver.Record{}, err
	}
	return h.Store.Load(ctx, id)
}

func (h *hanging) Create(ctx context.Context, rec *driver.Record) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	return h.Store.Create(ctx, rec)
}

func (h *hanging) Update(ctx context.Context, rec *driver.Record) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	return h.Store.Update(ctx, rec)
}

func (h *hanging) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	return h.Store.Touch(ctx, id, version, used, expires)
}

func (h *hanging) Delete(ctx context.Context, id driver.ID) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	return h.Store.Delete(ctx, id)
}

// A cache that hangs costs Timeout until the breaker opens, and nothing after that. It is used again when it is
// back. No goroutine is left behind.
func TestHangingCache(t *testing.T) {
	before := runtime.NumGoroutine()
	cache := &hanging{Store: remote(made.Of(memstore.New(memstore.Config{})))}
	calls, truth := storetest.NewFault(cache), storetest.NewFault(remote(made.Of(memstore.New(memstore.Config{}))))
	s := open(t, calls.Store(), truth.Store(), cachedstore.Config{Timeout: 100 * time.Millisecond, Report: func(driver.ID, error) {}})
	asked := func() (n int) {
		for _, calls := range calls.Calls() {
			n += calls
		}
		return n
	}
	cache.on.Store(true)
	// What hangs hangs for ever, so a few seconds are far from both outcomes.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begun := time.Now()
	seen := record(begun, 1) // created by another server, so that no change is pending here
	must(t, truth.Store().Create(ctx, seen))
	for i := range 20 {
		start := time.Now()
		rec := record(begun, 100+i)
		must(t, s.Create(ctx, rec))
		if took := time.Since(start); took > 5*time.Second {
			t.Fatalf("Create took %v", took)
		}
	}
	load := func() {
		_, err := s.Load(ctx, seen.ID)
		must(t, err)
	}
	for range 1000 {
		load()
	}
	t.Logf("1000 loads with a cache that hangs: %v, and %d calls of the cache", time.Since(begun), asked())
	// Some 1020 calls could ask the cache. Those until the breaker opens do, and then one in each interval.
	if most := 20 + int(time.Since(begun)/breaker.Interval); asked() > most {
		t.Errorf("the cache was asked %d times in %v, at most %d times should be", asked(), time.Since(begun), most)
	}
	cache.on.Store(false)
	eventually(t, func() bool {
		n := truth.Calls()["Load"]
		load()
		return truth.Calls()["Load"] == n
	})
	eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 })
}

// A caller with little time left says nothing about the cache, which has half of that time.
func TestHurriedCallersDoNotOpenTheBreaker(t *testing.T) {
	p := newPairWith(t, time.Second)
	p.reads(t, p.a, "data")
	p.a.cache.Before(func(storetest.Call) error { // as a store does when its context ends
		time.Sleep(25 * time.Millisecond)
		return driver.Unavailable("slow", context.DeadlineExceeded)
	})
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 40*time.Millisecond)
		_, _ = p.a.Load(ctx, p.rec.ID)
		cancel()
	}
	p.a.cache.Before(nil)
	n := p.a.cache.Calls()["Load"]
	p.reads(t, p.a, "data")
	if p.a.cache.Calls()["Load"] == n {
		t.Error("the cache was not asked")
	}
}

// A caller that ends its own call says nothing about the cache.
func TestImpatientCallersDoNotOpenTheBreaker(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	for range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		p.a.cache.Before(func(c storetest.Call) error { cancel(); return storetest.Outage(c) })
		if _, err := p.a.Load(ctx, p.rec.ID); err != nil { // the truth may be quicker
			wantError(t, err, context.Canceled)
		}
	}
	p.a.cache.Before(nil)
	n := p.a.cache.Calls()["Load"]
	p.reads(t, p.a, "data")
	if p.a.cache.Calls()["Load"] == n {
		t.Error("the cache was not asked")
	}
}

// While the cache hangs, its breaker is open. It closes with the first answer.
func TestBreakersTellOfTheCache(t *testing.T) {
	p := newPair(t)
	is := func(want bool) bool { return maps.Equal(p.a.Breakers(), map[string]bool{"cache": want}) }
	if !is(false) {
		t.Errorf("before: %v", p.a.Breakers())
	}
	p.a.cache.Before(storetest.Outage)
	for range breaker.Failures {
		p.reads(t, p.a, "data")
	}
	if !is(true) {
		t.Errorf("in an outage of the cache: %v", p.a.Breakers())
	}
	p.a.cache.Before(nil)
	eventually(t, func() bool { p.reads(t, p.a, "data"); return is(false) })
}

// The parts that the stores behind tell of have the place in their names.
func TestBreakersOfTheStoresBehind(t *testing.T) {
	type behind struct {
		driver.Store
		driver.Breaker
	}
	cache, truth := made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{}))
	s := open(t, behind{cache, parts{"10.0.0.7:11211": true}}, behind{truth, parts{"database": false}}, cachedstore.Config{})
	want := map[string]bool{"cache": false, "cache/10.0.0.7:11211": true, "truth/database": false}
	if got := s.Breakers(); !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

type parts map[string]bool

func (p parts) Breakers() map[string]bool { return p }
