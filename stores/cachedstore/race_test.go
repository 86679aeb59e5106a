package cachedstore_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// isFence reports whether what a cache holds says that only the truth knows.
func isFence(rec driver.Record) bool { return len(rec.Data) == 9 }

// pair is two application servers on one cache and one truth, each with hooks around
// its own calls of either.
type pair struct {
	clock *storetest.Clock
	cache *memstore.Store
	truth *truthStore
	a, b  *server
	rec   *driver.Record // a session that is in the truth and in no cache
}

type server struct {
	*cachedstore.Store
	cache, truth *storetest.Fault
	mu           sync.Mutex
	reports      []error
}

func (s *server) stale() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, err := range s.reports {
		if errors.Is(err, cachedstore.ErrStale) {
			n++
		}
	}
	return n
}

func newPair(t *testing.T) *pair { return newPairWith(t, 50*time.Millisecond) }

// newPairWith waits so long for the cache.
func newPairWith(t *testing.T, timeout time.Duration) *pair {
	p := &pair{clock: storetest.NewClock()}
	p.cache, p.truth = made(memstore.New(memstore.Config{Now: p.clock.Now})), newTruth(memstore.Config{Now: p.clock.Now})
	serve := func() *server {
		s := &server{cache: storetest.NewFault(remote(p.cache)), truth: storetest.NewFault(remote(p.truth))}
		s.Store = open(t, s.cache.Store(), s.truth.Store(), cachedstore.Config{Now: p.clock.Now, Timeout: timeout, Report: func(_ driver.ID, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.reports = append(s.reports, err)
		}})
		t.Cleanup(func() { s.cache.Reset(); s.truth.Reset() })
		return s
	}
	p.a, p.b = serve(), serve()
	p.rec = record(p.clock.Now(), 1)
	must(t, p.truth.Create(t.Context(), p.rec))
	return p
}

// changes are what another server may do to a session, and how it reads afterwards.
var changes = map[string]func(t *testing.T, p *pair, s driver.Store) (want string){
	"update": func(t *testing.T, p *pair, s driver.Store) string {
		p.rec.Data = []byte("newer")
		must(t, s.Update(t.Context(), p.rec))
		return "newer"
	},
	"delete": func(t *testing.T, p *pair, s driver.Store) string {
		must(t, s.Delete(t.Context(), p.rec.ID))
		return ""
	},
	"succeed": func(t *testing.T, p *pair, s driver.Store) string {
		*p.rec = left(p.rec)
		must(t, driver.AbilitiesOf(s).Successor.Succeed(t.Context(), p.rec, record(p.clock.Now(), 2)))
		return "left"
	},
	"touch": func(t *testing.T, p *pair, s driver.Store) string {
		must(t, s.Touch(t.Context(), p.rec.ID, p.rec.Version, p.clock.Now(), p.clock.Now().Add(2*time.Hour)))
		return "data"
	},
}

func (p *pair) reads(t *testing.T, s driver.Store, want string) {
	t.Helper()
	rec, err := s.Load(t.Context(), p.rec.ID)
	if want == "" {
		wants(t, err, driver.ErrNotFound)
		return
	}
	must(t, err)
	truth, err := p.truth.Load(t.Context(), p.rec.ID)
	must(t, err)
	if string(rec.Data) != want || !equal(rec, truth) {
		t.Fatalf("read %v, the truth has %v", rec, truth)
	}
}

func equal(a, b driver.Record) bool {
	same := a.Created.Equal(b.Created) && a.Used.Equal(b.Used) && a.Expires.Equal(b.Expires) && slices.Equal(a.Labels, b.Labels)
	return same && a.ID == b.ID && a.Version == b.Version && a.Subject == b.Subject && string(a.Data) == string(b.Data)
}

// left is what becomes of a session that another takes the place of.
func left(rec *driver.Record) driver.Record {
	old := *rec
	old.Subject, old.Data, old.Expires, old.Exact = "", []byte("left"), rec.Created.Add(40*time.Minute), true
	return old
}

// A reader that got its answer from the truth before a change, and comes to the cache
// after it, does not bring the old state back.
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

// A writer that is slow to reach the cache does not undo what a quicker one has
// brought to it.
func TestSlowWriter(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			p.reads(t, p.a, "data")
			want := ""
			mine := *p.rec
			mine.Data = []byte("slow")
			once := sync.OnceFunc(func() {
				stored, err := p.truth.Load(t.Context(), mine.ID)
				must(t, err)
				*p.rec = stored
				if want = change(t, p, p.b.Store); name == "touch" {
					want = "slow"
				}
			})
			p.a.truth.After(func(storetest.Call) error { once(); return nil })
			must(t, p.a.Update(t.Context(), &mine))
			p.reads(t, p.a, want)
			p.reads(t, p.b, want)
		})
	}
}

// What the cache was not told is reported, not believed here, told when it can be, and
// harmless elsewhere when SoftTTL has passed.
func TestFailedInvalidation(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			p.reads(t, p.b, "data") // it is in the cache
			before := byte(p.rec.Version)
			p.a.cache.Before(storetest.Outage)
			want := change(t, p, p.a.Store)
			if p.a.stale() == 0 {
				t.Error("not reported")
			}
			p.reads(t, p.a, want)
			p.a.cache.Before(nil)
			p.reads(t, p.a, want)
			eventually(t, func() bool {
				held, err := p.cache.Load(t.Context(), p.rec.ID)
				return err != nil || isFence(held) || held.Data[1] != before
			})
			p.reads(t, p.b, want)
		})
	}
}

// The bound that holds when nothing else does: the writer died between the truth and the cache.
func TestWriterDied(t *testing.T) {
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			p.reads(t, p.b, "data")
			want := change(t, p, p.truth)
			p.clock.Advance(30*time.Second - time.Microsecond)
			rec, err := p.b.Load(t.Context(), p.rec.ID)
			must(t, err)
			if string(rec.Data) != "data" {
				t.Errorf("read %q from the cache", rec.Data)
			}
			p.clock.Advance(time.Microsecond)
			p.reads(t, p.b, want)
		})
	}
}

// After the truth has refused a write, the next Load shows why.
func TestConflictIsSeen(t *testing.T) {
	for name, change := range changes {
		if name == "touch" {
			continue // no conflict
		}
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			p.reads(t, p.b, "data")
			mine := *p.rec
			want := change(t, p, p.truth) // the cache does not learn of it
			err := p.b.Update(t.Context(), &mine)
			if !errors.Is(err, driver.ErrConflict) && !errors.Is(err, driver.ErrNotFound) {
				t.Fatalf("Update: %v", err)
			}
			p.reads(t, p.b, want)
			p.reads(t, p.a, want)
		})
	}
}

// An Update without an answer may have happened, or may yet.
func TestUnknownOutcome(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	p.a.truth.After(storetest.On("Update"))
	mine := *p.rec
	mine.Data = []byte("newer")
	wants(t, p.a.Update(t.Context(), &mine), driver.ErrUnavailable)
	p.reads(t, p.a, "newer")
	p.reads(t, p.b, "newer")
}

// A cache that loses a tombstone at the worst moment can be wrong for SoftTTL.
func TestForgottenTombstone(t *testing.T) {
	p := newPair(t)
	p.a.truth.After(func(storetest.Call) error {
		must(t, p.b.Delete(t.Context(), p.rec.ID))
		return p.cache.Delete(t.Context(), p.rec.ID)
	})
	_, err := p.a.Load(t.Context(), p.rec.ID)
	must(t, err)
	p.a.truth.Reset()
	p.clock.Advance(30 * time.Second)
	p.reads(t, p.a, "")
	p.reads(t, p.b, "")
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s")
		}
	}
}
