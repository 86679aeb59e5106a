package core_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A Save whose answer is lost, and which cannot be looked at just then, is done again by Commit: the counter counts twice.
func TestSaveLostThenCommitCountsOnce(t *testing.T) {
	for _, how := range []string{"look fails", "another writes"} {
		fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		other := b.copyOf()
		r := b.send()
		must(t, count.Update(r.s, func(n int) int { return n + 1 }))
		state := 0
		fault.After(func(c storetest.Call) error {
			switch {
			case state == 0 && c.Method == "Update":
				state = 1
				if how == "another writes" {
					state = 3
					other.visit(func(s *core.Session) { must(t, name.Set(s, "x")) })
					state = 2
				}
				return driver.ErrUnavailable
			case state == 1 && c.Method == "Load":
				state = 2
				return driver.ErrUnavailable
			}
			return nil
		})
		serr := r.s.Save(ctx)
		_, err := r.respond(200)
		fault.Reset()
		n, _ := b.value(count)
		if n > 2 || err == nil && n != 2 {
			t.Errorf("%s: Save: %v, Commit: %v, count = %d, want 2", how, serr, err, n)
		}
	}
}

// A RotateID whose answer is lost, followed by another request's write: the record takes a token that nobody has.
func TestRotateLostThenAnotherWrites(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	o := b.copyOf().send()
	must(t, name.Set(o.s, "x"))
	r := b.send()
	must(t, r.s.RotateID())
	once := false
	fault.After(func(c storetest.Call) error {
		if !once && c.Method == "Update" {
			once = true
			if _, err := o.respond(200); err != nil {
				t.Error(err)
			}
			return driver.ErrUnavailable
		}
		return nil
	})
	out, err := r.respond(200)
	fault.Reset()
	x := b.send()
	if x.s.Subject() != "alice" {
		t.Errorf("the session is lost to its user: %v %q", err, out.Value)
	}
}

// The same with a Save that failed and a Commit that says 200.
func TestRotateSaveLostThenCommit(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, r.s.RotateID())
	state := 0
	fault.After(func(c storetest.Call) error {
		if state == 0 && c.Method == "Update" || state == 1 && c.Method == "Load" {
			state++
			return driver.ErrUnavailable
		}
		return nil
	})
	serr := r.s.Save(ctx)
	out, err := r.respond(200)
	fault.Reset()
	x := b.send()
	if err == nil && x.s.Subject() != "alice" {
		t.Errorf("Save: %v; Commit: %v, cookie %q; the session is lost to its user", serr, err, out.Value)
	}
}

// The same, and Flashes comes between.
func TestSaveLostThenFlashesThenCommit(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("info", "x")) })
	r := b.send()
	must(t, count.Update(r.s, func(n int) int { return n + 1 }))
	state := 0
	fault.After(func(c storetest.Call) error {
		if state == 0 && c.Method == "Update" || state == 1 && c.Method == "Load" {
			state++
			return driver.ErrUnavailable
		}
		return nil
	})
	serr := r.s.Save(ctx)
	_, ferr := r.s.Flashes(ctx)
	_, err := r.respond(200)
	fault.Reset()
	if n, _ := b.value(count); n > 2 || err == nil && n != 2 {
		t.Errorf("Save: %v, Flashes: %v, Commit: %v, count = %d, want 2", serr, ferr, err, n)
	}
}

// TestLoginSaveLostThenCommit: a Login has ended the session and does not know it, since its answer is lost, and so is
// that of the look. The handler passes over the error of Save. Done again by Commit, the Login would find a session that
// a Login has ended, and begin one beside it, with what the request has loaded: what another request has stored
// since would be gone under a 200.
func TestLoginSaveLostThenCommit(t *testing.T) {
	// Which of these calls is lost. The first meets the other request's write; in two steps, the second gives the new
	// session what that has stored.
	lost := map[string]int{"one step": 2, "two steps": 3}
	for kind, open := range kinds {
		fault := storetest.NewFault(open())
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
		r := b.send()
		b.copyOf().visit(func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) })
		must(t, r.s.Login("alice"))
		ends := 0
		fault.After(func(c storetest.Call) error {
			if c.Method == "Update" || c.Method == "Succeed" {
				ends++
			}
			if ends >= lost[kind] && c.Method != "Delete" {
				return driver.ErrUnavailable
			}
			return nil
		})
		serr := r.s.Save(ctx)
		fault.Reset()
		_, err := r.respond(200)
		n, live := b.value(count)
		if serr == nil || err == nil && n != 2 {
			t.Errorf("%s: Save: %v, Commit: %v, count = %d, live: %t; want a 503, or 2", kind, serr, err, n, live)
		}
	}
}
