package core_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Every store call of a Login fails, or its answer is lost, or everything fails from there on: then there is one
// session and nothing is lost, or the answer is 503 and everything is as before, and RevokeSubject
// finds what is left.
func TestLoginAtEveryFault(t *testing.T) {
	for kind, open := range kinds {
		for _, before := range []string{"", "anonymous", "alice", "bob"} {
			for _, fault := range []string{"fails", "answer lost", "down from there"} {
				t.Run(kind+"/"+before+"/"+fault, func(t *testing.T) {
					for n := 1; n < 12; n++ {
						if !loginFails(t, open(), before, fault, n) {
							return
						}
					}
					t.Error("no end of store calls")
				})
			}
		}
	}
}

func loginFails(t *testing.T, store driver.Store, before, how string, n int) bool {
	fault := storetest.NewFault(store)
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	if before != "" {
		b.visit(func(s *core.Session) {
			if before != "anonymous" {
				must(t, s.Login(before))
			}
			must(t, name.Set(s, "cart"))
			must(t, s.AddFlash("info", "hello"))
		})
	}
	old := b.copyOf()
	fault.Reset()
	reached := false
	hook := func(c storetest.Call) error {
		if c.N == n || how == "down from there" && c.N > n {
			reached = true
			return storetest.Outage(c)
		}
		return nil
	}
	if how == "answer lost" {
		fault.After(hook)
	} else {
		fault.Before(hook)
	}
	x := m.Adapter().Begin(ctx, b.header())
	s, err := x.Session(ctx)
	var out core.Out
	if err == nil {
		must(t, count.Set(s, 7))
		must(t, s.Login("alice"))
		out, err = (&request{b, x, s}).respond(200)
	}
	fault.Reset()
	where := fmt.Sprintf("call %d", n)
	if err != nil {
		if core.HTTPStatus(err) != 503 || out.Name != "" {
			t.Errorf("%s: %+v, %v", where, out, err)
		}
		old.visit(func(s *core.Session) {
			v, _ := name.Get(s)
			list, _ := s.Flashes(ctx)
			want := before
			if before == "anonymous" {
				want = ""
			}
			if s.IsNew() != (before == "") || s.Subject() != want || before != "" && (v != "cart" || len(list) != 1) || s.Has("count") {
				t.Errorf("%s: 503, and the old session is %q's, new %t, holds %q and %d messages", where, s.Subject(), s.IsNew(), s.Keys(), len(list))
			}
		})
	} else {
		b.visit(func(s *core.Session) {
			c, _ := count.Get(s)
			v, _ := name.Get(s)
			kept := before == "anonymous" || before == "alice"
			if s.Subject() != "alice" || (v == "cart") != kept || c != 7 && before != "bob" {
				t.Errorf("%s: 200, and the session is %q's and holds %q", where, s.Subject(), s.Keys())
			}
		})
	}
	if _, err := m.RevokeSubject(ctx, "alice"); err != nil {
		t.Errorf("%s: RevokeSubject: %v", where, err)
	}
	for s, err := range m.All(ctx) {
		must(t, err)
		if s.Subject() == "alice" {
			t.Errorf("%s: RevokeSubject did not find a session", where)
		}
	}
	b.visit(func(s *core.Session) {
		if s.Subject() == "alice" {
			t.Errorf("%s: signed in after RevokeSubject", where)
		}
	})
	return reached
}

// slowAnswer is a store behind a proxy that resets a connection while the server still works on the statement.
type slowAnswer struct {
	*memstore.Store
	mu    sync.Mutex
	armed bool
	later func()
}

func (s *slowAnswer) Update(ctx context.Context, rec *driver.Record) error {
	s.mu.Lock()
	if s.armed {
		s.armed = false
		r := *rec
		s.later = func() { _ = s.Store.Update(context.Background(), &r) }
		s.mu.Unlock()
		return driver.Unavailable("x", errors.New("connection reset"))
	}
	f := s.later
	s.later = nil
	s.mu.Unlock()
	if f != nil {
		f()
	}
	return s.Store.Update(ctx, rec)
}

// A Login whose ending of the old session is carried out late takes its own write for another request's Login.
func TestLoginOwnWriteLandsLate(t *testing.T) {
	store := &slowAnswer{Store: made.Of(memstore.New(memstore.Config{}))}
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("info", "x")) })
	store.armed = true
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) {
		f, err := s.Flashes(ctx)
		must(t, err)
		if s.Subject() != "alice" || len(f) != 1 {
			t.Errorf("subject %q, %d messages, want 1", s.Subject(), len(f))
		}
	})
}

// The one step's answer is lost, and the look at the new record fails: the visitor has lost both.
func TestSucceedLostAndLookFails(t *testing.T) {
	for _, user := range []string{"", "alice"} {
		mem := &successor{Store: made.Of(memstore.New(memstore.Config{}))}
		fault := storetest.NewFault(mem)
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) {
			if user != "" {
				must(t, s.Login(user))
			}
			must(t, count.Set(s, 1))
		})
		r := b.send()
		must(t, r.s.Login("alice"))
		loads, lost := 0, false
		fault.After(func(c storetest.Call) error {
			if c.Method == "Succeed" {
				lost = true
				return driver.ErrUnavailable
			}
			if lost && c.Method == "Load" {
				if loads++; loads == 2 {
					return driver.ErrUnavailable
				}
			}
			return nil
		})
		_, err := r.respond(200)
		fault.Reset()
		if n, _ := b.value(count); n != 1 {
			t.Errorf("%q: %v, and what the visitor had is gone", user, err)
		}
	}
}

// The same, and the new record was revoked meanwhile.
func TestSucceedLostAndRevoked(t *testing.T) {
	mem := &successor{Store: made.Of(memstore.New(memstore.Config{}))}
	fault := storetest.NewFault(mem)
	m := newManager(t, core.Config{Store: fault.Store()})
	twin := newManager(t, core.Config{Store: mem})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, r.s.Login("alice"))
	fault.After(func(c storetest.Call) error {
		if c.Method == "Succeed" {
			_, err := twin.RevokeSubject(ctx, "alice")
			must(t, err)
			return driver.ErrUnavailable
		}
		return nil
	})
	_, err := r.respond(200)
	if core.HTTPStatus(err) != 409 {
		t.Errorf("want 409: %d %v", core.HTTPStatus(err), err)
	}
}

// corruptOne answers ErrCorrupt for one ID.
type corruptOne struct {
	*memstore.Store
	id driver.ID
}

func (s *corruptOne) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if id == s.id {
		return driver.Record{}, driver.Corrupt("x")
	}
	return s.Store.Load(ctx, id)
}

// A Login that presents a session and a damaged one, and cannot end the damaged one.
func TestLoginBesideADamagedRecord(t *testing.T) {
	mem := &corruptOne{Store: made.Of(memstore.New(memstore.Config{}))}
	fault := storetest.NewFault(plain{mem})
	m := newManager(t, core.Config{Store: fault.Store(), TouchInterval: time.Hour})
	b, bad := newBrowser(t, m), newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	bad.visit(func(s *core.Session) { must(t, count.Set(s, 7)); mem.id = s.ID() })
	both := newBrowser(t, m)
	both.cookie = bad.cookie + "; " + b.cookie
	r := both.send()
	must(t, r.s.Login("alice"))
	fault.Before(func(c storetest.Call) error {
		if c.Method == "Delete" && c.ID == mem.id {
			return driver.ErrUnavailable
		}
		return nil
	})
	_, err := r.respond(200)
	fault.Reset()
	if n, _ := b.value(count); err != nil && n != 1 {
		t.Errorf("%v, and the visitor's session is gone", err)
	}
}
