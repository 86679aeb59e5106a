package core_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// two makes a browser that presents two live sessions, alice's with count 1 and bob's with count 2.
func two(t *testing.T, m *core.Manager) (b, alice, bob *browser) {
	t.Helper()
	alice, bob = newBrowser(t, m), newBrowser(t, m)
	alice.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	bob.visit(func(s *core.Session) { must(t, s.Login("bob")); must(t, count.Set(s, 2)) })
	b = newBrowser(t, m)
	b.cookie = alice.cookie + "; " + bob.cookie
	return b, alice, bob
}

// A release changed the cookie's Domain, or a sibling domain has set a cookie of our name.
func TestSeveralSessionsInOneRequest(t *testing.T) {
	managers := map[string]func(*bytes.Buffer) *core.Manager{
		"records": func(log *bytes.Buffer) *core.Manager {
			return newManager(t, core.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
		},
		"tokens": func(log *bytes.Buffer) *core.Manager {
			mode := cookiestore.RevokeIn(made(memstore.New(memstore.Config{})))
			return cookieManager(t, mode, core.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
		},
	}
	for kind, open := range managers {
		t.Run(kind, func(t *testing.T) {
			var log bytes.Buffer
			m := open(&log)

			// A page that only reads sees nobody, and ends nothing.
			b, alice, bob := two(t, m)
			for range 20 {
				out := b.copyOf().visit(func(s *core.Session) {
					if s.Subject() != "" || !s.IsNew() || s.Len() != 0 {
						t.Errorf("a guess: %q", s.Subject())
					}
				})
				if out.Name != "" {
					t.Errorf("a reader got %q", out.Value)
				}
			}
			alive(t, alice, true)
			alive(t, bob, true)
			if n := strings.Count(log.String(), "__Host-"); n < 1 || n > 2 {
				t.Errorf("warned %d times: %s", n, log.String())
			}

			// The first write ends both, and begins one.
			for what, write := range map[string]func(s *core.Session){
				"login":         func(s *core.Session) { must(t, s.Login("carol")) },
				"set":           func(s *core.Session) { must(t, count.Set(s, 3)) },
				"set, login":    func(s *core.Session) { must(t, count.Set(s, 3)); must(t, s.Login("carol")) },
				"logout":        func(s *core.Session) { must(t, s.Logout()) },
				"logout, set":   func(s *core.Session) { must(t, s.Logout()); must(t, count.Set(s, 3)) },
				"logout, login": func(s *core.Session) { must(t, s.Logout()); must(t, s.Login("carol")) },
			} {
				b, alice, bob := two(t, m)
				presented := b.cookie
				out := b.visit(write)
				alive(t, alice, false)
				alive(t, bob, false)
				if what == "logout" {
					if !strings.Contains(out.Value, "Max-Age=0") {
						t.Errorf("%s: %+v", what, out)
					}
					continue
				}
				// The browser still presents the two.
				b.cookie = presented + "; " + b.cookie
				b.visit(func(s *core.Session) {
					n, _ := count.Get(s)
					if s.IsNew() || (s.Subject() == "carol") != strings.Contains(what, "login") || n != 3 && strings.Contains(what, "set") {
						t.Errorf("%s: the next page is %q's, with count %d", what, s.Subject(), n)
					}
				})
			}
		})
	}
}

// If one of several cannot be ended, nothing new may stand beside it.
func TestSeveralSessionsOfWhichOneCannotBeEnded(t *testing.T) {
	mem := made(memstore.New(memstore.Config{}))
	fault := storetest.NewFault(mem)
	m := newManager(t, core.Config{Store: fault.Store()})
	b, alice, bob := two(t, m)
	fault.Reset()
	var second driver.ID
	fault.Before(func(c storetest.Call) error {
		if c.Method == "Update" || c.Method == "Delete" {
			if second.IsZero() || c.ID == second {
				second = c.ID
				return storetest.Outage(c)
			}
		}
		return nil
	})
	r := b.copyOf().send()
	must(t, r.s.Login("carol"))
	if out, err := r.respond(200); core.HTTPStatus(err) != 503 || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
	fault.Reset()
	n := 0
	for range mem.BySubject(ctx, "carol") {
		n++
	}
	_, a := alice.value(count)
	_, o := bob.value(count)
	if n != 0 || !a && !o {
		t.Errorf("%d new sessions, alice's %t, bob's %t", n, a, o)
	}
}

func TestTwoTokensOfOneSession(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	old := b.cookie
	b.visit(func(s *core.Session) { must(t, s.RotateID()) })
	for _, line := range []string{old + "; " + b.cookie, b.cookie + "; " + old} {
		twice := newBrowser(t, m)
		twice.cookie = line
		alive(t, twice, true)
		twice.visit(func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) })
	}
	if n, _ := b.value(count); n != 3 {
		t.Errorf("count = %d", n)
	}

	// A cookie that carries its session: the newer one counts.
	m = cookieManager(t, cookiestore.NoRevocation(), core.Config{})
	b = newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	old = b.cookie
	b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
	for _, line := range []string{old + "; " + b.cookie, b.cookie + "; " + old} {
		twice := newBrowser(t, m)
		twice.cookie = line
		if n, _ := twice.value(count); n != 2 {
			t.Errorf("count = %d", n)
		}
	}
}

// Sessions that nothing can end: the page must not say that somebody is signed in.
func TestSeveralCookiesThatCannotBeRevoked(t *testing.T) {
	b, _, _ := two(t, cookieManager(t, cookiestore.NoRevocation(), core.Config{}))
	r := b.send()
	must(t, r.s.Login("carol"))
	if out, err := r.respond(200); !errors.Is(err, core.ErrCrowded) || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestCrowdOfCookies(t *testing.T) {
	m := newManager(t, core.Config{})
	line := ""
	for range 5 {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		line += b.cookie + "; "
	}
	for what, write := range map[string]func(*core.Session) error{
		"set": func(s *core.Session) error { return count.Set(s, 1) }, "login": func(s *core.Session) error { return s.Login("alice") },
		"logout": (*core.Session).Logout,
	} {
		b := newBrowser(t, m)
		b.cookie = line
		b.copyOf().visit(func(s *core.Session) { _ = s.Keys() })
		r := b.send()
		must(t, write(r.s))
		if _, err := r.respond(200); !errors.Is(err, core.ErrCrowded) || core.HTTPStatus(err) != 400 {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Each of several sessions that a request ends is in the audit log.
func TestEventsOfSeveralSessions(t *testing.T) {
	var ended []core.ID
	m := newManager(t, core.Config{Observer: func(_ context.Context, e core.Event) {
		switch e.Kind {
		case core.EventLogin:
			if !e.Replaced.IsZero() {
				ended = append(ended, e.Replaced)
			}
		case core.EventDestroy:
			ended = append(ended, e.ID)
		}
	}})
	b, _, _ := two(t, m)
	ended = nil
	b.visit(func(s *core.Session) { must(t, s.Login("carol")) })
	if len(ended) != 2 || ended[0] == ended[1] {
		t.Errorf("ended: %v", ended)
	}
}
