package core_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestIDs(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	var first core.ID
	b.visit(func(s *core.Session) {
		if !s.ID().IsZero() {
			t.Error("a session without content has an ID")
		}
		must(t, count.Set(s, 1))
		first = s.ID()
	})
	b.visit(func(s *core.Session) {
		if s.ID() != first || first.IsZero() {
			t.Errorf("ID before the save %v, after it %v", first, s.ID())
		}
		must(t, s.RotateID())
		if s.ID() != first {
			t.Error("RotateID changed the ID")
		}
	})
	b.visit(func(s *core.Session) {
		if s.ID() != first {
			t.Error("the ID changed with the token")
		}
		must(t, s.Login("alice"))
		if first = s.ID(); first.IsZero() {
			t.Error("no ID of the session to come")
		}
	})
	b.visit(func(s *core.Session) {
		if s.ID() != first {
			t.Error("the ID after the Login is not the one announced")
		}
		if back, err := core.ParseID(s.ID().String()); back != first || err != nil {
			t.Errorf("ParseID: %v, %v", back, err)
		}
		must(t, s.Logout())
		if !s.ID().IsZero() || !s.IsNew() || s.Len() != 0 {
			t.Error("something is left after Logout")
		}
	})
}

func TestUseAfterTheRequest(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	r := b.send()
	must(t, count.Set(r.s, 1))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	s := r.s
	for what, err := range map[string]error{
		"Set": count.Set(s, 2), "Update": count.Update(s, func(n int) int { return n }), "Delete": count.Delete(s),
		"Clear": s.Clear(), "Login": s.Login("u"), "Logout": s.Logout(), "RotateID": s.RotateID(),
		"AddFlash": s.AddFlash("a", "b"), "ExpireIn": s.ExpireIn(1e9), "Save": s.Save(ctx), "Err": s.Err(),
	} {
		if !errors.Is(err, core.ErrClosed) {
			t.Errorf("%s after the request: %v", what, err)
		}
	}
	if _, err := count.Get(s); !errors.Is(err, core.ErrClosed) {
		t.Errorf("Get: %v", err)
	}
	if _, err := s.Flashes(ctx); !errors.Is(err, core.ErrClosed) {
		t.Errorf("Flashes: %v", err)
	}
	if s2, err := r.x.Session(ctx); !errors.Is(err, core.ErrClosed) || s2 == nil {
		t.Errorf("Session: %v, %v", s2, err)
	}
}

// A change that needs a cookie is refused when the header has left, from the call, and the log says so once.
func TestTooLateForACookie(t *testing.T) {
	ring, err := keyring.New(keyring.Generate("k1"))
	must(t, err)
	tokens, err := cookiestore.New(ring, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	must(t, err)
	unrevoked, err := cookiestore.New(ring, cookiestore.NoRevocation(), cookiestore.Config{})
	must(t, err)
	changes := map[string]func(*core.Session) error{
		"Set": func(s *core.Session) error { return count.Set(s, 2) }, "Login": func(s *core.Session) error { return s.Login("bob") },
		"Update":   func(s *core.Session) error { return count.Update(s, func(n int) int { return n + 1 }) },
		"AddFlash": func(s *core.Session) error { return s.AddFlash("a", "b") }, "RotateID": (*core.Session).RotateID,
		"Delete": count.Delete, "Clear": (*core.Session).Clear, "Logout": (*core.Session).Logout,
		"ExpireIn": func(s *core.Session) error { return s.ExpireIn(time.Hour) }, "ExpireAtBrowserClose": (*core.Session).ExpireAtBrowserClose,
		"Destroy, Set": func(s *core.Session) error { must(t, s.Destroy()); return count.Set(s, 2) },
		"test cookie":  (*core.Session).SetTestCookie,
	}
	for _, c := range []struct {
		what  string
		store driver.Backend
		fresh bool
		fine  string // that is possible without a cookie
	}{
		{"a stored session", made.Of(memstore.New(memstore.Config{})), false, "Set Update AddFlash Delete Clear Logout ExpireIn test cookie"},
		{"a new client", made.Of(memstore.New(memstore.Config{})), true, "RotateID Delete Clear Logout"},
		{"the cookie store", tokens, false, "Logout"},
		{"the cookie store without revocation", unrevoked, false, ""},
	} {
		for name, change := range changes {
			var log strings.Builder
			m := newManager(t, core.Config{Store: c.store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			b := newBrowser(t, m)
			if !c.fresh {
				b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.Login("alice")) })
			}
			if c.what == "the cookie store without revocation" && strings.HasPrefix(name, "Destroy") {
				continue // Destroy itself is refused
			}
			r := b.send()
			_, err := r.x.Commit(ctx, 200)
			must(t, err)
			err = change(r.s)
			_ = change(r.s)
			if fine := strings.Contains(c.fine+" ", name+" ") || c.fresh && name == "Delete"; fine != (err == nil) || err != nil && !errors.Is(err, core.ErrHeaderSent) {
				t.Errorf("%s, %s: %v", c.what, name, err)
			}
			ferr := r.x.Finish(ctx)
			must(t, ferr)
			if n := strings.Count(log.String(), "\n"); (n == 1) != (err != nil) || n > 1 {
				t.Errorf("%s, %s: %d lines: %s", c.what, name, n, log.String())
			}
		}
	}
}

// cookie store: deletion after the header is "stored".
func TestDeleteAfterTheHeaderOfAToken(t *testing.T) {
	r1, _ := keyring.New(keyring.Generate("k1"))
	m := tokenManager(t, r1, made.Of(memstore.New(memstore.Config{})), 0)
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	x := m.Adapter().Begin(ctx, b.header())
	s, _ := x.Session(ctx)
	_, _ = x.Commit(ctx, 200)
	if err := count.Delete(s); !errors.Is(err, core.ErrHeaderSent) {
		t.Errorf("Delete: %v", err)
	}
	must(t, x.Finish(ctx))
}
