package core_test

import (
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

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
