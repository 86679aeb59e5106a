package cachedstore_test

import (
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// updates ask for something that the truth does not do, or does in another way.
var updates = map[string]func(rec *driver.Record){
	"to earlier times":    func(rec *driver.Record) { rec.Used, rec.Expires = rec.Used.Add(-1e9), rec.Expires.Add(-1e9) },
	"to later times":      func(rec *driver.Record) { rec.Used, rec.Expires = rec.Used.Add(1e9), rec.Expires.Add(1e9) },
	"to an exact time":    func(rec *driver.Record) { rec.Expires, rec.Exact = rec.Expires.Add(-1e9), true },
	"of another subject":  func(rec *driver.Record) { rec.Subject, rec.Labels = "mallory", []string{"x"} },
	"of its creation":     func(rec *driver.Record) { rec.Created = rec.Created.Add(-1e9) },
	"that clears":         func(rec *driver.Record) { rec.Subject = "" },
	"clears, exact, late": func(rec *driver.Record) { rec.Subject, rec.Exact, rec.Expires = "", true, rec.Expires.Add(1e9) },
}

// After an Update, every server reads the record that the truth has, also if the cache has evicted the value. If the
// cache has the value, no Load asks the truth.
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

// The truth does a Touch and then an Update, and the Touch reaches the cache last. The result is the same as in the
// right order: Used does not move back, and the deadline is the Update's.
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

// An ID may be used again after its session has ended. The new session gets nothing of what the cache still has of
// the old one.
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
