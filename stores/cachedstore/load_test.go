package cachedstore_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// If the cache has an earlier deadline than the truth, the session is found.
func TestEarlyDeadlineAsksTheTruth(t *testing.T) {
	p := newPair(t)
	p.rec.Exact, p.rec.Expires = true, p.clock.Now().Add(5*time.Second)
	must(t, p.truth.Update(t.Context(), p.rec))
	p.reads(t, p.a, "data")
	must(t, p.truth.Touch(t.Context(), p.rec.ID, p.rec.Version, p.rec.Used, p.rec.Expires.Add(time.Hour))) // the cache does not learn of it
	p.clock.Advance(5 * time.Second)
	p.reads(t, p.a, "data")
	n := p.b.truth.Calls()["Load"]
	p.reads(t, p.b, "data")
	if p.b.truth.Calls()["Load"] != n {
		t.Error("the later deadline was not brought to the cache")
	}
}

// A fence costs one read of the truth, and not one for each Load until it expires.
func TestReadFillsOverAnOlderFence(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	old := *p.rec
	p.rec.Data = []byte("newer")
	must(t, p.truth.Update(t.Context(), p.rec))
	wantError(t, p.a.Update(t.Context(), &old), driver.ErrConflict) // fences the old version
	n := p.b.truth.Calls()["Load"]
	for range 3 {
		p.reads(t, p.b, "newer")
	}
	if asked := p.b.truth.Calls()["Load"] - n; asked != 1 {
		t.Errorf("the truth was asked %d times", asked)
	}
}

// A reader that is slower than another change does not replace the fence of that change.
func TestStaleFillOverAFence(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	old := *p.rec
	p.rec.Data = []byte("newer")
	must(t, p.truth.Update(t.Context(), p.rec))
	wantError(t, p.a.Update(t.Context(), &old), driver.ErrConflict)
	once := sync.OnceFunc(func() {
		p.rec.Data = []byte("newest")
		must(t, p.b.Update(t.Context(), p.rec))
	})
	p.a.truth.After(func(c storetest.Call) error { once(); return nil })
	_, err := p.a.Load(t.Context(), p.rec.ID)
	must(t, err) // the calls overlapped
	p.reads(t, p.a, "newest")
	p.reads(t, p.b, "newest")
}

// A cache that panics while it is filled fails no request, because the truth has answered.
func TestCachePanicsWhenFilled(t *testing.T) {
	p := newPair(t)
	p.a.cache.Before(func(c storetest.Call) error {
		if c.Method == "Create" {
			panic("in the cache")
		}
		return nil
	})
	p.reads(t, p.a, "data")
	p.a.cache.Before(nil)
	if len(p.a.reports) != 1 || !errors.Is(p.a.reports[0], driver.ErrUnavailable) {
		t.Errorf("reports: %v", p.a.reports)
	}
}

// A reader gets its answer from the truth before a change and reaches the cache after it. It does not bring the old
// state back.
func TestStaleFill(t *testing.T) {
	for name, change := range changes {
		for _, moment := range []string{"between truth and cache", "behind the cache"} {
			t.Run(name+" "+moment, func(t *testing.T) {
				p := newPair(t)
				want := ""
				once := sync.OnceFunc(func() { want = change(t, p, p.b.Store) })
				if moment == "between truth and cache" {
					p.a.truth.After(func(c storetest.Call) error { once(); return nil })
				} else {
					p.a.cache.Before(func(c storetest.Call) error {
						if c.Method == "Create" {
							once()
						}
						return nil
					})
				}
				_, err := p.a.Load(t.Context(), p.rec.ID)
				must(t, err) // the state before or after: the calls overlapped
				for range 3 {
					p.reads(t, p.a, want)
					p.reads(t, p.b, want)
				}
			})
		}
	}
}
