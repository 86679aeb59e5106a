package cachedstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// An Update gives a session an early deadline. A slow reader has the version with the late deadline, and reaches the
// cache after the early one. It does not bring the session back.
func TestShortenedLifeStaysShort(t *testing.T) {
	p := newPair(t)
	once := sync.OnceFunc(func() {
		p.reads(t, p.b, "data") // the cache has it, and then the next version
		p.rec.Exact, p.rec.Expires = true, p.clock.Now().Add(time.Second)
		must(t, p.b.Update(t.Context(), p.rec))
		p.clock.Advance(2 * time.Second)
	})
	p.a.truth.After(func(storetest.Call) error { once(); return nil })
	_, err := p.a.Load(t.Context(), p.rec.ID)
	must(t, err) // the calls overlapped
	p.reads(t, p.a, "")
	p.reads(t, p.b, "")
}

// A value that replaces a fence lives for SoftTTL, and not for as long as the fence. That is the bound if the next
// change does not reach the cache.
func TestValueOverAFenceStaysForSoftTTL(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	old := *p.rec
	p.rec.Data = []byte("newer")
	must(t, p.truth.Update(t.Context(), p.rec))
	wantError(t, p.a.Update(t.Context(), &old), driver.ErrConflict)
	p.reads(t, p.a, "newer")
	must(t, p.truth.Delete(t.Context(), p.rec.ID)) // by a server that dies
	p.clock.Advance(30 * time.Second)
	p.reads(t, p.a, "")
}

// A second Delete renews the tombstone.
func TestTombstoneIsRenewed(t *testing.T) {
	p := newPair(t)
	must(t, p.a.Delete(t.Context(), p.rec.ID))
	p.clock.Advance(50 * time.Second)
	must(t, p.a.Delete(t.Context(), p.rec.ID))
	p.clock.Advance(50 * time.Second)
	if held, err := p.cache.Load(t.Context(), p.rec.ID); err != nil || !isFence(held) || p.a.stale() != 0 {
		t.Errorf("the cache holds %q, %v; %d changes were not brought to it", held.Data, err, p.a.stale())
	}
}

// A session that becomes too large for the cache leaves it, and returns when it is small again.
func TestTooLargeForTheCache(t *testing.T) {
	clock := storetest.NewClock()
	cache, truth := storetest.NewFault(made.Of(memstore.New(memstore.Config{Now: clock.Now}))), made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	s := open(t, tooLarge{cache.Store()}, truth, cachedstore.Config{Now: clock.Now})
	rec := record(clock.Now(), 1)
	must(t, s.Create(t.Context(), rec))
	for _, size := range []int{10, 1000, 10, 1000, 1000, 10} {
		rec.Data = make([]byte, size)
		must(t, s.Update(t.Context(), rec))
		for range 3 {
			got, err := s.Load(t.Context(), rec.ID)
			must(t, err)
			if !equal(got, *rec) {
				t.Fatalf("read %v, stored is %v", got, rec)
			}
		}
		held, err := cache.Store().Load(t.Context(), rec.ID)
		must(t, err)
		if isFence(held) != (size == 1000) {
			t.Errorf("of %d bytes: in the cache is a fence: %t", size, isFence(held))
		}
	}
}

// tooLarge is a cache that takes small records only.
type tooLarge struct{ driver.Store }

func (s tooLarge) Create(ctx context.Context, rec *driver.Record) error {
	if len(rec.Data) > 500 {
		return driver.ErrTooLarge
	}
	return s.Store.Create(ctx, rec)
}

func (s tooLarge) Update(ctx context.Context, rec *driver.Record) error {
	if len(rec.Data) > 500 {
		return driver.ErrTooLarge
	}
	return s.Store.Update(ctx, rec)
}

// A cache that panics after the truth has done a write counts as one that fails. The call succeeds, the change waits
// in the backlog, and a panic in the backlog's goroutine does not end the process.
func TestCachePanics(t *testing.T) {
	cache := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	s := open(t, cache.Store(), made.Of(memstore.New(memstore.Config{})), cachedstore.Config{})
	rec := driver.Record{ID: driver.ID{1}, Created: time.Now(), Used: time.Now(), Expires: time.Now().Add(time.Hour), Data: []byte("1")}
	must(t, s.Create(ctx, &rec))
	cache.Before(func(c storetest.Call) error {
		if c.Method == "Update" {
			panic("in the cache")
		}
		return nil
	})
	rec.Data = []byte("2")
	must(t, s.Update(ctx, &rec))
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got, err := s.Load(ctx, rec.ID); err != nil || string(got.Data) != "2" {
			t.Fatalf("%+v, %v", got, err)
		}
	}
}

// A writer that is slow to reach the cache does not undo the change of a faster one.
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

// The writer dies between the truth and the cache. The other server reads the old state for SoftTTL, and no longer.
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

// A cache that loses a tombstone at the worst moment is wrong for SoftTTL at most.
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
