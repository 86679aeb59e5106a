package core_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Flashes took the last that an anonymous visitor had; another request ends the session before the page leaves.
func TestFlashesOfAnEmptiedSession(t *testing.T) {
	for what, meanwhile := range map[string]func(*core.Session){
		"login":  func(s *core.Session) { _ = s.Login("alice") },
		"logout": func(s *core.Session) { _ = s.Logout() },
		"outage": nil,
	} {
		fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "x")) })
		other := b.copyOf()
		r := b.send()
		f, err := r.s.Flashes(ctx)
		must(t, err)
		if len(f) != 1 {
			t.Fatal(f)
		}
		if meanwhile != nil {
			other.visit(meanwhile)
		} else {
			fault.Before(storetest.Outage)
		}
		out, err := r.respond(200)
		if err != nil || out.Name != "" {
			t.Errorf("%s: the page with the message became a %d: %v; %q", what, core.HTTPStatus(err), err, out.Value)
		}
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

// After an emptied session was ended by a Save, a Set begins a session, and not one that is as old as the other was.
func TestNewSessionAfterAnEmptiedOne(t *testing.T) {
	clock := time.Now()
	now := func() time.Time { return clock }
	m := newManager(t, core.Config{Store: made(memstore.New(memstore.Config{Now: now})), Now: now})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.ExpireIn(20*24*time.Hour)) })
	clock = clock.Add(19 * 24 * time.Hour)
	b.visit(func(s *core.Session) {
		must(t, count.Delete(s))
		must(t, s.Save(ctx))
		must(t, count.Set(s, 2))
		if d := clock.Sub(s.Created()); d > time.Second {
			t.Errorf("the new session was created %v ago", d)
		}
	})
}
