package core_test

import (
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestOneOfManyRotationsWins(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	var wg sync.WaitGroup
	cookies := make(chan string, 32)
	for range 32 {
		r := b.copyOf().send()
		wg.Go(func() {
			must(t, r.s.RotateID())
			if out, err := r.respond(200); err != nil {
				t.Error(err)
			} else if out.Name != "" {
				cookies <- r.b.cookie
			}
		})
	}
	wg.Wait()
	if len(cookies) != 1 {
		t.Fatalf("%d rotations won", len(cookies))
	}
	if n := records(t, store); n != 1 {
		t.Errorf("%d records", n)
	}
}

// a rotation whose outcome is unknown removes the new record.
func TestRotationOfUnknownOutcome(t *testing.T) {
	mem := made.Of(memstore.New(memstore.Config{}))
	fault := storetest.NewFault(plain{mem})
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	r := b.send()
	must(t, r.s.RotateID())
	down := false
	fault.After(func(c storetest.Call) error {
		if c.Method == "Update" || down && c.Method == "Load" {
			down = !down
			return driver.ErrUnavailable
		}
		return nil
	})
	_, err := r.respond(200)
	fault.After(func(storetest.Call) error { return nil })
	n := 0
	for range mem.BySubject(ctx, "alice") {
		n++
	}
	if n == 0 {
		t.Errorf("neither the old session nor the new one is left (%v)", err)
	}
}

// A RotateID whose answer is lost, followed by another request's write: the record takes a token that nobody has.
func TestRotateLostThenAnotherWrites(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
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
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
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
