package cachedstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// script is a session's life on two servers. Each step returns what the truth said.
var script = []func(ctx context.Context, p *pair, rec *driver.Record) error{
	func(ctx context.Context, p *pair, rec *driver.Record) error { return p.a.Create(ctx, rec) },
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		_, err := p.a.Load(ctx, rec.ID)
		return err
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		rec.Data = []byte("two")
		return p.a.Update(ctx, rec)
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		return p.a.Touch(ctx, rec.ID, rec.Version, rec.Used.Add(time.Minute), rec.Expires.Add(time.Minute))
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		old := *rec
		old.Version, old.Data = 1, []byte("lost")
		if err := p.a.Update(ctx, &old); !errors.Is(err, driver.ErrConflict) {
			return fmt.Errorf("Update of an old version: %w", err)
		}
		return nil
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		next := *rec
		next.ID[31]++
		*rec = left(rec)
		return p.a.Abilities().Successor.Succeed(ctx, rec, &next)
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error { return p.a.Delete(ctx, rec.ID) },
}

// Whichever of its calls the cache fails, before or after doing it, no request notices:
// the server itself reads what it wrote, and the others do as soon as they can be told.
func TestCacheFailsAtTheNthCall(t *testing.T) {
	for _, moment := range []string{"before", "after"} {
		for n, done := 1, false; !done; n++ {
			p := newPair(t)
			hook := storetest.Nth(n)
			if moment == "before" {
				p.a.cache.Before(hook)
			} else {
				p.a.cache.After(hook)
			}
			rec := record(p.clock.Now(), 7)
			for i, step := range script {
				what := fmt.Sprintf("%s call %d of the cache, step %d", moment, n, i)
				if err := step(t.Context(), p, rec); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				same(t, p, p.a, rec.ID, what+", here")
				eventually(t, func() bool { return p.a.stale() == 0 || settled(p, rec.ID) })
				same(t, p, p.b, rec.ID, what+", elsewhere")
			}
			calls := 0
			for _, c := range p.a.cache.Calls() {
				calls += c
			}
			done = calls < n
		}
	}
}

// settled reports whether what the cache holds is not behind the truth.
func settled(p *pair, id driver.ID) bool {
	held, err := p.cache.Load(context.Background(), id)
	truth, gone := p.truth.Load(context.Background(), id)
	if err != nil || isFence(held) || gone != nil {
		return err != nil || isFence(held)
	}
	version := held.Data[1]
	return uint64(version) == truth.Version
}

func same(t *testing.T, p *pair, s driver.Store, id driver.ID, what string) {
	t.Helper()
	got, err := s.Load(t.Context(), id)
	want, absent := p.truth.Load(t.Context(), id)
	if absent != nil {
		if !errors.Is(err, driver.ErrNotFound) {
			t.Fatalf("%s: %v for what is gone", what, err)
		}
		return
	}
	if err != nil || got.Version != want.Version || string(got.Data) != string(want.Data) {
		t.Fatalf("%s: read %q of version %d, %v; the truth has %q, %d", what, got.Data, got.Version, err, want.Data, want.Version)
	}
}

// What the truth cannot do is an error, and never an answer from nowhere.
func TestTruthFailsAtTheNthCall(t *testing.T) {
	for n := 1; n <= len(script)+3; n++ {
		p := newPair(t)
		p.a.truth.After(storetest.Nth(n))
		rec := record(p.clock.Now(), 7)
		for i, step := range script {
			err := step(t.Context(), p, rec)
			if errors.Is(err, driver.ErrUnavailable) {
				rec, _ = reread(p, rec)
			} else if err != nil {
				t.Fatalf("call %d of the truth fails, step %d: %v", n, i, err)
			}
			if _, err := p.a.Load(t.Context(), rec.ID); !errors.Is(err, driver.ErrUnavailable) {
				eventually(t, func() bool { return p.a.stale() == 0 || settled(p, rec.ID) }) // a busy machine takes its time
				same(t, p, p.b, rec.ID, fmt.Sprint(n, i))
			}
		}
	}
}

func reread(p *pair, rec *driver.Record) (*driver.Record, error) {
	now, err := p.truth.Load(context.Background(), rec.ID)
	if err != nil {
		return rec, err
	}
	return &now, nil
}

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

// A cache that hangs costs Timeout until the breaker opens, then nothing; and it is in use
// again when it is back. No goroutine is left.
func TestHangingCache(t *testing.T) {
	before := runtime.NumGoroutine()
	cache := &hanging{Store: remote(made(memstore.New(memstore.Config{})))}
	calls, truth := storetest.NewFault(cache), storetest.NewFault(remote(made(memstore.New(memstore.Config{}))))
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
	seen := record(begun, 1) // of another server, so that the cache is owed nothing
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
	// Of some 1020 visits, those until the breaker opens, and then one in each interval.
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

// A caller with little time left says nothing about the cache: half of that is what a visit has.
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
			wants(t, err, context.Canceled)
		}
	}
	p.a.cache.Before(nil)
	n := p.a.cache.Calls()["Load"]
	p.reads(t, p.a, "data")
	if p.a.cache.Calls()["Load"] == n {
		t.Error("the cache was not asked")
	}
}
