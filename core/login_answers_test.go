package core_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

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
	store := &slowAnswer{Store: made(memstore.New(memstore.Config{}))}
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
		mem := &successor{Store: made(memstore.New(memstore.Config{}))}
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
	mem := &successor{Store: made(memstore.New(memstore.Config{}))}
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
	mem := &corruptOne{Store: made(memstore.New(memstore.Config{}))}
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
