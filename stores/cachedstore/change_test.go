package cachedstore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
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
