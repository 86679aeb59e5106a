package cachedstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// updates are what an Update may ask for that the truth does otherwise.
var updates = map[string]func(rec *driver.Record){
	"to earlier times":    func(rec *driver.Record) { rec.Used, rec.Expires = rec.Used.Add(-1e9), rec.Expires.Add(-1e9) },
	"to later times":      func(rec *driver.Record) { rec.Used, rec.Expires = rec.Used.Add(1e9), rec.Expires.Add(1e9) },
	"to an exact time":    func(rec *driver.Record) { rec.Expires, rec.Exact = rec.Expires.Add(-1e9), true },
	"of another subject":  func(rec *driver.Record) { rec.Subject, rec.Labels = "mallory", []string{"x"} },
	"of its creation":     func(rec *driver.Record) { rec.Created = rec.Created.Add(-1e9) },
	"that clears":         func(rec *driver.Record) { rec.Subject = "" },
	"clears, exact, late": func(rec *driver.Record) { rec.Subject, rec.Exact, rec.Expires = "", true, rec.Expires.Add(1e9) },
}

// Whatever an Update asks for and whatever the cache has thrown out, what is read is what the
// truth has made of it. With the value in the cache, nobody asks the truth.
func TestUpdateAsTheTruthDoesIt(t *testing.T) {
	for name, ask := range updates {
		for _, held := range []bool{true, false} {
			p := newPair(t)
			must(t, p.truth.Touch(t.Context(), p.rec.ID, p.rec.Version, p.rec.Used.Add(time.Minute), p.rec.Expires.Add(time.Minute)))
			mine, err := p.a.Load(t.Context(), p.rec.ID)
			must(t, err)
			if !held {
				must(t, p.cache.Delete(t.Context(), mine.ID))
			}
			mine.Data = []byte("newer")
			ask(&mine)
			must(t, p.a.Update(t.Context(), &mine))
			for reads, before := 1, p.b.truth.Calls()["Load"]; reads <= 3; reads++ {
				p.reads(t, p.b, "newer")
				asked := p.b.truth.Calls()["Load"] - before
				if held && asked != 0 || !held && asked != 1 {
					t.Errorf("%s, held %t: after %d reads the truth was asked %d times", name, held, reads, asked)
				}
			}
		}
	}
}

// A Touch that comes to the cache after an Update which the truth did later is no less than if it had come
// in order: Used does not move back, and the deadline is the Update's.
func TestTouchComesToTheCacheLate(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	used := p.rec.Used.Add(10 * time.Second)
	update := sync.OnceFunc(func() {
		p.rec.Data, p.rec.Exact, p.rec.Expires = []byte("newer"), true, p.rec.Expires.Add(-time.Minute)
		must(t, p.b.Update(t.Context(), p.rec))
	})
	p.a.truth.After(func(c storetest.Call) error {
		if c.Method == "Touch" {
			update()
		}
		return nil
	})
	must(t, p.a.Touch(t.Context(), p.rec.ID, p.rec.Version, used, p.rec.Expires.Add(time.Hour)))
	want, err := p.truth.Load(t.Context(), p.rec.ID)
	must(t, err)
	for name, s := range map[string]*server{"a": p.a, "b": p.b} {
		got, err := s.Load(t.Context(), p.rec.ID)
		must(t, err)
		if !equal(got, want) || !got.Used.Equal(used) {
			t.Errorf("%s reads %v, the truth has %v", name, got, want)
		}
	}
}

// A deadline that the cache has too early hides no session.
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

// A session that an Update has given a very early deadline is not brought back by a reader
// who has the version with the late one, even if that comes to the cache after the deadline.
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

// A fence costs one read of the truth, and not one for each Load while it lasts.
func TestReadFillsOverAnOlderFence(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	old := *p.rec
	p.rec.Data = []byte("newer")
	must(t, p.truth.Update(t.Context(), p.rec))
	wants(t, p.a.Update(t.Context(), &old), driver.ErrConflict) // fences the old version
	n := p.b.truth.Calls()["Load"]
	for range 3 {
		p.reads(t, p.b, "newer")
	}
	if asked := p.b.truth.Calls()["Load"] - n; asked != 1 {
		t.Errorf("the truth was asked %d times", asked)
	}
}

// A reader who is slower than another change does not fill over its fence.
func TestStaleFillOverAFence(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	old := *p.rec
	p.rec.Data = []byte("newer")
	must(t, p.truth.Update(t.Context(), p.rec))
	wants(t, p.a.Update(t.Context(), &old), driver.ErrConflict)
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

// A value that takes the place of a tombstone's like stays no longer than SoftTTL, if nothing
// else tells the cache of the next change.
func TestValueOverAFenceStaysForSoftTTL(t *testing.T) {
	p := newPair(t)
	p.reads(t, p.a, "data")
	old := *p.rec
	p.rec.Data = []byte("newer")
	must(t, p.truth.Update(t.Context(), p.rec))
	wants(t, p.a.Update(t.Context(), &old), driver.ErrConflict)
	p.reads(t, p.a, "newer")
	must(t, p.truth.Delete(t.Context(), p.rec.ID)) // by a server that dies
	p.clock.Advance(30 * time.Second)
	p.reads(t, p.a, "")
}

// A second Delete makes the tombstone last as long as the first did.
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

// A session that outgrows the cache leaves it and comes back when it is small again.
func TestTooLargeForTheCache(t *testing.T) {
	clock := storetest.NewClock()
	cache, truth := storetest.NewFault(made(memstore.New(memstore.Config{Now: clock.Now}))), made(memstore.New(memstore.Config{Now: clock.Now}))
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

// An ID may come again after its session has ended. What the cache still has of the first
// one gives nothing to the second.
func TestAnIDComesAgain(t *testing.T) {
	p := newPair(t)
	for range 3 {
		must(t, p.a.Update(t.Context(), p.rec))
	}
	p.rec.Exact, p.rec.Expires = true, p.clock.Now().Add(time.Second)
	must(t, p.a.Update(t.Context(), p.rec))
	p.reads(t, p.a, "data")
	p.clock.Advance(time.Second)
	again := record(p.clock.Now(), 1)
	again.Subject, again.Labels, again.Data = "bob", nil, []byte("again")
	must(t, p.a.Create(t.Context(), again))
	for range 8 {
		p.reads(t, p.b, "again")
		again.Expires = again.Expires.Add(-time.Minute)
		must(t, p.a.Update(t.Context(), again))
	}
}
