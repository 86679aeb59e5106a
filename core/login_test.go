package core_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
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
	x := m.Begin(ctx, b.header())
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

// A generator of tokens that repeats itself is not the visitor's fault.
func TestTakenSelector(t *testing.T) {
	for kind, open := range kinds {
		for _, times := range []int{1, 2, 3} {
			fault := storetest.NewFault(open())
			m := newManager(t, core.Config{Store: fault.Store()})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
			taken := 0
			fault.Before(func(c storetest.Call) error {
				if taken < times && (c.Method == "Create" || c.Method == "Succeed") {
					taken++
					return driver.ErrExists
				}
				return nil
			})
			r := b.send()
			must(t, r.s.Login("alice"))
			_, err := r.respond(200)
			if (err == nil) != (times < 3) || err != nil && !errors.Is(err, driver.ErrExists) {
				t.Errorf("%s: taken %d times: %v", kind, times, err)
			}
			if n, live := b.value(count); n != 1 || !live {
				t.Errorf("%s: taken %d times: count %d, alive %t", kind, times, n, live)
			}
		}
	}
}

func TestRevokeOfTheOwnSession(t *testing.T) {
	revokes := map[string]func(*core.Manager, *request) error{
		"Revoke": func(m *core.Manager, r *request) error { return m.Revoke(r.x.Context(), r.s.ID()) },
		"RevokeSubject": func(m *core.Manager, r *request) error {
			_, err := m.RevokeSubject(r.x.Context(), "alice")
			return err
		},
		"RevokeOwn": func(m *core.Manager, r *request) error { return m.RevokeOwn(r.x.Context(), "alice", r.s.ID()) },
	}
	for name, revoke := range revokes {
		for _, after := range []string{"nothing", "set", "login"} {
			m := newManager(t, core.Config{})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
			old := b.copyOf()
			r := b.send()
			must(t, other.Set(r.s, 1)) // falls
			must(t, revoke(m, r))
			if r.s.Subject() != "" || r.s.Has("count") || !r.s.IsNew() {
				t.Errorf("%s: still %q's", name, r.s.Subject())
			}
			switch after {
			case "set":
				must(t, count.Set(r.s, 2))
			case "login":
				must(t, r.s.Login("alice"))
			}
			_, err := r.respond(200)
			must(t, err)
			alive(t, old, false)
			if after == "nothing" && b.cookie != "" {
				t.Errorf("%s: the cookie stays", name)
			}
			b.visit(func(s *core.Session) {
				n, _ := count.Get(s)
				if s.Has("other") || (s.Subject() == "alice") != (after == "login") || (n == 2) != (after == "set") {
					t.Errorf("%s, %s: %q's session holds %q", name, after, s.Subject(), s.Keys())
				}
			})
		}
	}

	// A Login before it falls, and so does the session that it would have replaced.
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, r.s.Login("alice"))
	_, err := m.RevokeSubject(r.x.Context(), "alice")
	must(t, err)
	_, err = r.respond(200)
	must(t, err)
	if n := sessions(t, m); n != 0 || b.cookie != "" {
		t.Errorf("%d sessions, cookie %q", n, b.cookie)
	}
}

func TestLoginAndSignOutEverywhereElse(t *testing.T) {
	for _, before := range []string{"", "anonymous", "alice"} {
		m := newManager(t, core.Config{})
		laptop, phone, b := newBrowser(t, m), newBrowser(t, m), newBrowser(t, m)
		for _, d := range []*browser{laptop, phone} {
			d.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		}
		if before != "" {
			b.visit(func(s *core.Session) {
				must(t, count.Set(s, 1))
				if before == "alice" {
					must(t, s.Login("alice"))
				}
			})
		}
		r := b.send()
		must(t, r.s.Login("alice"))
		n, err := m.RevokeSubject(r.x.Context(), "alice", r.s.ID())
		must(t, err)
		if n != 2 {
			t.Errorf("%q: ended %d", before, n)
		}
		_, err = r.respond(200)
		must(t, err)
		b.visit(func(s *core.Session) {
			if c, _ := count.Get(s); s.Subject() != "alice" || c != 1 && before != "" {
				t.Errorf("%q: %q's session with count %d", before, s.Subject(), c)
			}
		})
		if n := sessions(t, m); n != 1 {
			t.Errorf("%q: %d sessions", before, n)
		}
	}
}

func TestRevokeOwn(t *testing.T) {
	m := newManager(t, core.Config{})
	alice, bob := newBrowser(t, m), newBrowser(t, m)
	var id core.ID
	alice.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	bob.visit(func(s *core.Session) { must(t, s.Login("bob")) })
	for _, mallory := range []string{"bob", "", "alic", "alice "} {
		if err := m.RevokeOwn(ctx, mallory, id); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("%q ends another's session: %v", mallory, err)
		}
	}
	alive(t, alice, true)
	must(t, m.RevokeOwn(ctx, "alice", id))
	alive(t, alice, false)
	if err := m.RevokeOwn(ctx, "alice", id); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

// Managers with cookies of different names, or with a cookie and a header, on one store.
func TestNamespaces(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	shop := newManager(t, core.Config{Store: store})
	staff := newManager(t, core.Config{Store: store, Cookie: core.Cookie{Name: "__Host-staff"}})
	api := newManager(t, core.Config{Store: store, TokenHeader: "X-Session"})
	customer, admin := newBrowser(t, shop), newBrowser(t, staff)
	var ids [2]core.ID
	customer.visit(func(s *core.Session) { must(t, s.Login("42")); ids[0] = s.ID() })
	admin.visit(func(s *core.Session) { must(t, s.Login("42")); ids[1] = s.ID() })
	if n := sessions(t, shop) + sessions(t, staff) + sessions(t, api); n != 2 {
		t.Errorf("the managers list %d sessions together", n)
	}
	for _, m := range []*core.Manager{shop, api} {
		if err := m.Revoke(ctx, ids[1]); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("Revoke of another's ID: %v", err)
		}
		if err := m.RevokeOwn(ctx, "42", ids[1]); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("RevokeOwn of another's ID: %v", err)
		}
		if _, err := m.RevokeSubject(ctx, "42"); err != nil {
			t.Error(err)
		}
	}
	alive(t, customer, false)
	alive(t, admin, true)
	_, token, _ := cut(admin.cookie)
	for _, m := range []*core.Manager{shop, api} {
		line := token
		if m == shop {
			line = "__Host-session=" + token
		}
		s, err := m.Begin(ctx, []string{line}).Session(ctx)
		if must(t, err); !s.IsNew() || s.Subject() != "" {
			t.Errorf("takes a token of the staff: %v", s)
		}
	}
	// One Namespace shares: a renamed cookie, or a header beside the cookie.
	renamed := newManager(t, core.Config{Store: store, Namespace: "__Host-staff", TokenHeader: "X-Session"})
	s, err := renamed.Begin(ctx, []string{token}).Session(ctx)
	if must(t, err); s.Subject() != "42" {
		t.Errorf("with the old namespace: %q", s.Subject())
	}
}

func TestReusedToken(t *testing.T) {
	for _, revoke := range []bool{false, true} {
		clock := storetest.NewClock()
		events := map[core.EventKind]int{}
		m := newManager(t, core.Config{
			Store: made(memstore.New(memstore.Config{Now: clock.Now})), Now: clock.Now, RevokeOnReuse: revoke, Observer: countEvents(events),
		})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		thief := b.copyOf()
		b.visit(func(s *core.Session) { must(t, s.RotateID()) })
		alive(t, thief, false)
		if events[core.EventLate] != 1 || events[core.EventReused] != 0 {
			t.Errorf("at once: %v", events)
		}
		clock.Advance(31 * time.Second)
		both := b.copyOf()
		both.cookie = thief.cookie + "; " + b.cookie
		alive(t, both, true) // the session is open, so its old token says nothing
		if events[core.EventReused] != 0 {
			t.Errorf("beside the new token: %v", events)
		}
		alive(t, thief, false)
		if events[core.EventReused] != 1 {
			t.Errorf("after half a minute: %v", events)
		}
		alive(t, b, !revoke)
		// One generation is remembered.
		if !revoke {
			b.visit(func(s *core.Session) { must(t, s.RotateID()) })
			clock.Advance(31 * time.Second)
			alive(t, thief, false)
			if events[core.EventReused] != 1 {
				t.Errorf("two rotations later: %v", events)
			}
		}
	}
}
