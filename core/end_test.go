package core_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// If one of several cannot be ended, nothing new may stand beside it.
func TestSeveralSessionsOfWhichOneCannotBeEnded(t *testing.T) {
	mem := made.Of(memstore.New(memstore.Config{}))
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

// Sessions that nothing can end: the page must not say that somebody is signed in.
func TestSeveralCookiesThatCannotBeRevoked(t *testing.T) {
	b, _, _ := two(t, cookieManager(t, cookiestore.NoRevocation(), core.Config{}))
	r := b.send()
	must(t, r.s.Login("carol"))
	if out, err := r.respond(200); !errors.Is(err, core.ErrCrowded) || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
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

// A session that cannot be read, beside one that can: a Login ends both, and tells of both.
func TestEventsBesideADamagedRecord(t *testing.T) {
	var ended []core.ID
	store := made.Of(memstore.New(memstore.Config{}))
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

// What a fresh visitor does and undoes is no Logout that came late.
func TestNothingIsNoLateLogout(t *testing.T) {
	for what, f := range map[string]func(*core.Session){
		"set, delete": func(s *core.Session) { must(t, count.Set(s, 1)); must(t, count.Delete(s)) },
		"expiry":      func(s *core.Session) { must(t, s.ExpireIn(time.Hour)) },
	} {
		var log bytes.Buffer
		events := map[core.EventKind]int{}
		m := newManager(t, core.Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Observer: countEvents(events)})
		b := newBrowser(t, m)
		b.visit(f)
		if log.Len() > 0 || events[core.EventDropped] > 0 {
			t.Errorf("%s: %v %s", what, events, log.String())
		}
	}
}

// Given a token that a rotation has just replaced, when a client sends a Logout with it again and again, then the log has
// one line above DEBUG.
func TestLateLogoutsAreQuiet(t *testing.T) {
	log, lines := logged()
	m := newManager(t, core.Config{Logger: log})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	late := *b
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	for range 50 {
		again := late
		again.visit(func(s *core.Session) { must(t, s.Logout()) })
	}
	if n := lines("INFO", "Logout") + lines("WARN", "Logout"); n != 1 {
		t.Errorf("%d lines", n)
	}
}
