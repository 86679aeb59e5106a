package core_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The audit log says that a sign-in was stored only once, and only if it was.
func TestLoginEventsOfTokens(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
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
	m := cookieManager(t, cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))), cfg)
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

// A session that cannot be read, beside one that can: a Login ends both, and tells of both.
func TestEventsBesideADamagedRecord(t *testing.T) {
	var ended []core.ID
	store := made(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store, Observer: func(_ context.Context, e core.Event) {
		switch e.Kind {
		case core.EventLogin:
			ended = append(ended, e.Replaced)
		case core.EventDestroy:
			ended = append(ended, e.ID)
		}
	}})
	b, damaged := newBrowser(t, m), newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	var id core.ID
	damaged.visit(func(s *core.Session) { must(t, count.Set(s, 1)); id = s.ID() })
	rec, err := store.Load(ctx, id)
	must(t, err)
	rec.Data = append(bytes.Clone(rec.Data), 0)
	must(t, store.Update(ctx, &rec))
	b.cookie += "; " + damaged.cookie
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	if len(ended) != 2 || ended[0] != id || ended[1] == id || ended[1].IsZero() {
		t.Errorf("ended: %v", ended)
	}
}
