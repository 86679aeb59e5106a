package core_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A release changed the cookie's Domain, or a sibling domain has set a cookie of our name.
func TestSeveralSessionsInOneRequest(t *testing.T) {
	managers := map[string]func(*bytes.Buffer) *core.Manager{
		"records": func(log *bytes.Buffer) *core.Manager {
			return newManager(t, core.Config{Logger: slog.New(slog.NewTextHandler(log, nil))})
		},
		"tokens": func(log *bytes.Buffer) *core.Manager {
			mode := cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{})))
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

func TestCookieTossing(t *testing.T) {
	var mu sync.Mutex
	ambiguous := 0
	m := newManager(t, core.Config{Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventAmbiguous {
			mu.Lock()
			defer mu.Unlock()
			ambiguous++
		}
	}})
	mine, theirs := newBrowser(t, m), newBrowser(t, m)
	mine.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	theirs.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })

	both := newBrowser(t, m)
	both.cookie = mine.cookie + "; " + theirs.cookie
	if _, live := both.value(count); live || ambiguous != 1 {
		t.Errorf("two live sessions: alive %v, %d events", live, ambiguous)
	}
	both.cookie = "__Host-session=" + strings.Repeat("A", 43) + "; __Host-session=bad\"; " + mine.cookie
	if n, live := both.value(count); !live || n != 1 {
		t.Error("a live session beside dead ones was not found")
	}
}
