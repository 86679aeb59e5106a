package core_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestCookieStore(t *testing.T) {
	for mode, revocation := range map[string]cookiestore.Revocation{
		"none": cookiestore.NoRevocation(), "revoking": cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))),
	} {
		t.Run(mode, func(t *testing.T) {
			revoking := mode == "revoking"
			m := cookieManager(t, revocation, core.Config{})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("info", "hi")) })
			b.visit(func(s *core.Session) {
				must(t, count.Update(s, func(n int) int { return n + 1 }))
				if list, err := s.Flashes(ctx); err != nil || len(list) != 1 {
					t.Errorf("%v, %v", list, err)
				}
			})
			b.visit(func(s *core.Session) {
				if list, _ := s.Flashes(ctx); len(list) != 0 {
					t.Errorf("again: %v", list)
				}
			})
			if n, _ := b.value(count); n != 2 {
				t.Errorf("count = %d", n)
			}
			old := b.copyOf()
			b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
			alive(t, old, !revoking)
			b.visit(func(s *core.Session) {
				if n, _ := count.Get(s); n != 2 || s.Subject() != "alice" {
					t.Errorf("%d, %q", n, s.Subject())
				}
			})
			old = b.copyOf()
			b.visit(func(s *core.Session) { must(t, s.Logout()) })
			if b.cookie != "" {
				t.Error("cookie not deleted")
			}
			alive(t, old, !revoking)

			// Too large: an error with a number, and the old cookie stays good.
			b.visit(func(s *core.Session) { must(t, count.Set(s, 7)) })
			r := b.send()
			must(t, name.Set(r.s, strings.Repeat("x", 4000)))
			if out, err := r.respond(200); !errors.Is(err, core.ErrTooLarge) || out.Name != "" {
				t.Errorf("%+v, %v", out, err)
			}
			if n, _ := b.value(count); n != 7 {
				t.Errorf("count = %d", n)
			}
			var id core.ID
			b.visit(func(s *core.Session) { id = s.ID() })
			err := m.Revoke(ctx, id)
			if revoking != (err == nil) || !revoking && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("Revoke: %v", err)
			}
			alive(t, b, !revoking)
		})
	}
}

// expectOfTokens is expect where the token carries the record: it is as good as ended by whatever gives the
// client another one, and messages are taken when the response is committed.
func expectOfTokens(change string) outcome {
	if change == "nothing" || change == "logout" {
		return outcome{}
	}
	return outcome{err: core.ErrEnded}
}

func TestCookieStoreInFlight(t *testing.T) {
	for change, changeIt := range changes {
		for _, end := range []string{"logout", "revoke", "rotate"} {
			t.Run(end+"/"+change, func(t *testing.T) {
				m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{TouchInterval: time.Microsecond})
				b := newBrowser(t, m)
				b.visit(func(s *core.Session) {
					must(t, s.Login("alice"))
					must(t, count.Set(s, 1))
					must(t, s.AddFlash("i", "x"))
				})
				old := b.copyOf()
				slow := old.copyOf().send()
				ends[end](t, b)
				changeIt(t, slow.s)
				out, err := slow.respond(200)
				expectOfTokens(change).check(t, out, err)
				alive(t, old, false)
				if end == "rotate" {
					alive(t, b, true)
				}
			})
		}
	}
}

func TestCookieStoreExpiresInFlight(t *testing.T) {
	for change, changeIt := range changes {
		t.Run(change, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := cookieManager(t, cookiestore.NoRevocation(), core.Config{IdleTimeout: time.Hour, TouchInterval: time.Second})
				b := newBrowser(t, m)
				b.visit(func(s *core.Session) {
					must(t, s.Login("alice"))
					must(t, count.Set(s, 1))
					must(t, s.AddFlash("i", "x"))
				})
				slow := b.copyOf().send()
				time.Sleep(time.Hour)
				changeIt(t, slow.s)
				out, err := slow.respond(200)
				expectOfTokens(change).check(t, out, err)
			})
		})
	}
}

// cookie store: logout between the look and the rotation is undone.
type hooked struct {
	*memstore.Store
	create func()
}

func (h *hooked) Create(ctx context.Context, rec *driver.Record) error {
	if f := h.create; f != nil {
		h.create = nil
		f()
	}
	return h.Store.Create(ctx, rec)
}

func TestTokenIsNotRotatedAfterLogout(t *testing.T) {
	r1, _ := keyring.New(keyring.Generate("k1"))
	revoked := &hooked{Store: made.Of(memstore.New(memstore.Config{}))}
	m := tokenManager(t, r1, revoked, 0)
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	tab := b.copyOf()
	r := b.send()
	must(t, r.s.RotateID())
	revoked.create = func() { tab.visit(func(s *core.Session) { must(t, s.Logout()) }) }
	_, err := r.respond(200)
	b.visit(func(s *core.Session) {
		if s.Subject() != "" {
			t.Errorf("logged out in between, and %q again (%v)", s.Subject(), err)
		}
	})
}

// The audit log says that a sign-in was stored only once, and only if it was.
func TestLoginEventsOfTokens(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	events := map[core.EventKind]int{}
	m := cookieManager(t, cookiestore.RevokeIn(fault.Store()), core.Config{Observer: countEvents(events)})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	fault.Before(storetest.On("Create"))
	r := b.send()
	must(t, r.s.Login("alice"))
	if _, err := r.respond(200); err == nil {
		t.Error("stored")
	}
	if events[core.EventLogin] != 0 {
		t.Errorf("a Login that failed: %v", events)
	}
}

func TestLoginOfTokensIsToldOnce(t *testing.T) {
	logins := []core.Event{}
	cfg := core.Config{Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventLogin || e.Kind == core.EventRotate {
			logins = append(logins, e)
		}
	}}
	m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cfg)
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	slow := b.copyOf().send()
	must(t, slow.s.Login("alice"))
	b.visit(func(s *core.Session) { must(t, s.RotateID()) })
	if _, err := slow.respond(200); err != nil {
		t.Error(err)
	}
	b.visit(func(s *core.Session) { must(t, s.Login("bob")) })
	b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
	if len(logins) != 3 || logins[0].Kind != core.EventRotate || logins[1].Subject != "alice" || logins[2].Subject != "bob" {
		t.Errorf("%+v", logins)
	}
}
