package core_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestWriteAndRotationBothCount(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	login := b.send()
	must(t, login.s.Login("alice"))
	b.copyOf().visit(func(s *core.Session) { must(t, name.Set(s, "written meanwhile")) })
	if _, err := login.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "written meanwhile" || s.Subject() != "alice" {
			t.Errorf("after the rotation: %q, subject %q", v, s.Subject())
		}
	})
}

func TestLoginInFlightIsNotLost(t *testing.T) {
	cookies := func(t *testing.T) *core.Manager {
		return cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{})
	}
	server := func(t *testing.T) *core.Manager { return newManager(t, core.Config{}) }
	for what, manager := range map[string]func(*testing.T) *core.Manager{"server": server, "cookie": cookies} {
		for _, end := range []string{"logout", "revoke", "rotate", "login"} {
			t.Run(what+"/"+end, func(t *testing.T) {
				b := newBrowser(t, manager(t))
				b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
				slow := b.copyOf()
				r := slow.send()
				ends[end](t, b)
				must(t, r.s.Login("carol"))
				must(t, name.Set(r.s, "carol's"))
				if _, err := r.respond(200); err != nil {
					t.Fatal(err)
				}
				slow.visit(func(s *core.Session) {
					if s.Subject() != "carol" || s.Has("count") || !s.Has("name") {
						t.Errorf("subject %q, keys %q", s.Subject(), s.Keys())
					}
				})
			})
		}
	}
}

// A sign-in over a session whose ExpireAt came meanwhile begins a session of its own.
func TestLoginOverASessionThatExpiresMeanwhile(t *testing.T) {
	clock := time.Now()
	b := newBrowser(t, newManager(t, core.Config{Now: func() time.Time { return clock }}))
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, s.ExpireAt(clock.Add(time.Hour))) })
	r := b.send()
	clock = clock.Add(2 * time.Hour)
	must(t, name.Set(r.s, "x"))
	must(t, r.s.Login("alice"))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" || !s.Has("name") || s.TimeLeft() < 24*time.Hour {
			t.Errorf("subject %q, keys %q, %v left", s.Subject(), s.Keys(), s.TimeLeft())
		}
	})
}

// Login after Flashes found the session ended.
func TestLoginAfterFlashesOfAnEndedSession(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.AddFlash("", "x")); id = s.ID() })
	r := b.send()
	must(t, m.Revoke(ctx, id))
	_, err := r.s.Flashes(ctx)
	lerr := r.s.Login("alice")
	_, cerr := r.respond(200)
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" && cerr == nil {
			t.Errorf("Flashes %v, Login %v, Commit %v, and nobody is signed in", err, lerr, cerr)
		}
	})
}

func TestLoginBeforeFlashesOfAnEndedSession(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.AddFlash("", "x")); id = s.ID() })
	r := b.send()
	lerr := r.s.Login("alice")
	must(t, m.Revoke(ctx, id))
	_, err := r.s.Flashes(ctx)
	_, cerr := r.respond(200)
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" {
			t.Errorf("Login %v, Flashes %v, Commit %v, and nobody is signed in", lerr, err, cerr)
		}
	})
}

// TestLoginRefused: a refusal that is an error of another session is not the end of this one.
func TestLoginRefused(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, name.Set(s, "basket")) })
	quota := func(n int) (int, error) {
		if n >= 2 {
			return 0, fmt.Errorf("the other manager's session: %w", core.ErrEnded)
		}
		return n + 1, nil
	}
	slow := b.copyOf().send()
	must(t, count.TryUpdate(slow.s, quota))
	must(t, slow.s.Login("alice"))
	b.visit(func(s *core.Session) { must(t, count.TryUpdate(s, quota)) })
	_, err := slow.respond(200)
	if core.HTTPStatus(err) != 409 || err == nil {
		t.Errorf("respond = %v, want 409 ErrRefused", err)
	}
	if n := sessions(t, m); n != 1 {
		t.Errorf("%d sessions live, want 1 (the old one)", n)
	}
	if n, live := b.value(count); n != 2 || !live {
		t.Errorf("the old session: %d, live %t", n, live)
	}
}

// A panic in the function on replay at commit leaves the session usable for Discard with a Logout.
func TestPanicInTheReplayOfALogin(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	slow := b.copyOf().send()
	must(t, count.TryUpdate(slow.s, func(n int) (int, error) {
		if n == 0 {
			panic("boom")
		}
		return n - 1, nil
	}))
	must(t, slow.s.Login("alice"))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 0)) })
	func() {
		defer func() { t.Log("recovered: ", recover()); slow.x.Discard() }()
		_, _ = slow.x.Commit(ctx, 200)
	}()
	if n := sessions(t, m); n != 1 {
		t.Errorf("%d sessions", n)
	}
}
