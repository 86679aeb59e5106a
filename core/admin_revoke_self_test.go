package core_test

import (
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

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

// A sign-in of a client that has no session yet, revoked by its own request.
func TestRevokeOfThePendingSignIn(t *testing.T) {
	for _, had := range []bool{false, true} {
		m := newManager(t, core.Config{})
		b := newBrowser(t, m)
		if had {
			b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		}
		r := b.send()
		must(t, r.s.Login("alice"))
		must(t, m.Revoke(r.x.Context(), r.s.ID()))
		_, err := r.respond(200)
		must(t, err)
		if s := b.send().s; s.Subject() != "" {
			t.Errorf("had a session %v: revoked, and %q all the same", had, s.Subject())
		}
	}
}

// A sign-in that the same handler revokes again falls, whether or not the visitor had a session before.
func TestRevokeOfASessionToCome(t *testing.T) {
	for what, before := range map[string]func(*core.Session){
		"no session": nil,
		"anonymous":  func(s *core.Session) { _ = count.Set(s, 1) },
		"other user": func(s *core.Session) { _ = s.Login("bob") },
		"same user":  func(s *core.Session) { _ = s.Login("alice") },
	} {
		for how, revoke := range map[string]func(m *core.Manager, x *core.Exchange, s *core.Session) error{
			"Revoke": func(m *core.Manager, x *core.Exchange, s *core.Session) error { return m.Revoke(x.Context(), s.ID()) },
			"RevokeSubject": func(m *core.Manager, x *core.Exchange, s *core.Session) error {
				_, err := m.RevokeSubject(x.Context(), "alice")
				return err
			},
			"zero excepted": func(m *core.Manager, x *core.Exchange, s *core.Session) error {
				_, err := m.RevokeSubject(x.Context(), "alice", core.ID{})
				return err
			},
		} {
			m := newManager(t, core.Config{})
			b := newBrowser(t, m)
			if before != nil {
				b.visit(before)
			}
			had := b.cookie
			r := b.send()
			must(t, r.s.Login("alice"))
			must(t, revoke(m, r.x, r.s))
			out, err := r.respond(200)
			if n := sessions(t, m); n != 0 || err != nil {
				t.Errorf("%s, %s: %d sessions stand, %v", what, how, n, err)
			}
			if had != "" && !strings.Contains(out.Value, "Max-Age=0") {
				t.Errorf("%s, %s: the dead cookie stays: %+v", what, how, out)
			}
		}
	}
}

// What this request revokes is the stored session and the sign-in that was to replace it.
func TestRevokeSubjectAfterLogin(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	r := b.send()
	must(t, r.s.Login("alice"))
	if _, err := m.RevokeSubject(r.x.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	if out, err := r.respond(200); err != nil || !strings.Contains(out.Value, "Max-Age=0") {
		t.Errorf("%+v, %v, want a deletion", out, err)
	}
	if n := sessions(t, m); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// RevokeSubject fails before it comes to the request's own session, which is not ended, and its cookie stays.
func TestRevokeSubjectFailsHalfway(t *testing.T) {
	for range 100 {
		if revokeFailsAtOwn(t) > 0 {
			return
		}
	}
	t.Error("a walk comes to the own session first, always") // the order is random
}

// revokeFailsAtOwn returns how many sessions were revoked before the request's own one could not be.
func revokeFailsAtOwn(t *testing.T) int {
	t.Helper()
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b, o := newBrowser(t, m), newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	o.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	old := b.copyOf()
	r := b.send()
	mine := r.s.ID()
	fault.Before(func(c storetest.Call) error {
		if c.Method == "Delete" && c.ID == mine {
			return driver.ErrUnavailable
		}
		return nil
	})
	n, rerr := m.RevokeSubject(r.x.Context(), "alice")
	fault.Reset()
	_, err := r.respond(200)
	if s := old.send().s; rerr == nil || err == nil && b.cookie == "" && s.Subject() != "" {
		t.Errorf("RevokeSubject = %d, %v; the cookie is %q, and the session is of %q", n, rerr, b.cookie, s.Subject())
	}
	return n
}

// change of password: rotate, then sign out everywhere else.
func TestRotateThenRevokeOthers(t *testing.T) {
	for _, how := range []string{"RotateID", "Login"} {
		m := newManager(t, core.Config{})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 7)) })
		r := b.send()
		c, s := r.x.Context(), r.s
		func() {
			if how == "RotateID" {
				must(t, s.RotateID())
			} else {
				must(t, s.Login("alice"))
			}
			n, err := m.RevokeSubject(c, s.Subject(), s.ID())
			t.Log(how, n, err)
		}()
		_, _ = r.respond(200)
		b.visit(func(s *core.Session) {
			if n, err := count.Get(s); s.Subject() != "alice" || n != 7 {
				t.Errorf("%s: subject %q, count %d, %v", how, s.Subject(), n, err)
			}
		})
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

// "Sign out everywhere": whatever order the handler says it in, the browser is told, and what begins after it stands.
func TestLogoutAndRevoke(t *testing.T) {
	for _, logoutFirst := range []bool{true, false} {
		for _, then := range []bool{false, true} {
			for _, one := range []bool{false, true} {
				m := newManager(t, core.Config{})
				b := newBrowser(t, m)
				b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
				r := b.send()
				id := r.s.ID()
				if logoutFirst {
					must(t, r.s.Logout())
				}
				if then && logoutFirst {
					must(t, count.Set(r.s, 7))
				}
				if one {
					must(t, m.Revoke(r.x.Context(), id))
				} else if _, err := m.RevokeSubject(r.x.Context(), "alice"); err != nil {
					t.Error(err)
				}
				if !logoutFirst {
					must(t, r.s.Logout())
				}
				if then && !logoutFirst {
					must(t, count.Set(r.s, 7))
				}
				out, err := r.respond(200)
				if err != nil || out.Name == "" || then != !strings.Contains(out.Value, "Max-Age=0") {
					t.Errorf("logout first %v, then Set %v, one %v: %+v, %v", logoutFirst, then, one, out, err)
				}
				if n, _ := b.value(count); then && n != 7 {
					t.Errorf("logout first %v, one %v: what came after it is gone", logoutFirst, one)
				}
			}
		}
	}
}
