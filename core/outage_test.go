package core_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// An outage is a line when it begins, one with a count now and then, and one when it is over.
func TestOutageInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		fault.Before(storetest.Outage)
		for range 60 * 100 { // a minute at 100 requests a second, some of which only save
			x := m.Adapter().Begin(ctx, b.header())
			if _, err := x.Session(ctx); !errors.Is(err, core.ErrUnavailable) {
				t.Fatal(err)
			}
			x.Discard()
			time.Sleep(10 * time.Millisecond)
		}
		fault.Reset()
		for range 100 {
			b.visit(read)
			time.Sleep(100 * time.Millisecond)
		}
		text := log.String()
		for line, want := range map[string][2]int{
			"the store fails": {1, 1}, "the store still fails": {10, 12}, "the store works again": {1, 1}, "\n": {12, 14},
		} {
			if n := strings.Count(text, line); n < want[0] || n > want[1] {
				t.Errorf("%q %d times: %s", line, n, text)
			}
		}
		if !strings.Contains(text, "failures=6000 after=59.99s") {
			t.Error(text)
		}
	})
}

// A store of which each other call fails is one outage, and not as many as calls.
func TestHalfAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		for i := range 1000 {
			fault.Reset()
			if i%2 == 0 {
				fault.Before(storetest.Outage)
			}
			x := m.Adapter().Begin(ctx, b.header())
			_, _ = x.Session(ctx)
			x.Discard()
			time.Sleep(10 * time.Millisecond)
		}
		if n := strings.Count(log.String(), "\n"); n > 3 {
			t.Errorf("%d lines in ten seconds: %s", n, log.String())
		}
	})
}

// An outage is in the log, whoever meets it.
func TestOutageMetByTheApplication(t *testing.T) {
	for name, call := range map[string]func(m *core.Manager, s *core.Session) error{
		"Sessions": func(m *core.Manager, _ *core.Session) error {
			for _, err := range m.Sessions(ctx, "alice") {
				return err
			}
			return nil
		},
		"All": func(m *core.Manager, _ *core.Session) error {
			for _, err := range m.All(ctx) {
				return err
			}
			return nil
		},
		"Revoke":        func(m *core.Manager, s *core.Session) error { return m.Revoke(ctx, s.ID()) },
		"RevokeOwn":     func(m *core.Manager, s *core.Session) error { return m.RevokeOwn(ctx, "alice", s.ID()) },
		"RevokeSubject": func(m *core.Manager, _ *core.Session) error { _, err := m.RevokeSubject(ctx, "alice"); return err },
		"RevokeAll":     func(m *core.Manager, _ *core.Session) error { _, err := m.RevokeAll(ctx, time.Now()); return err },
		"Flashes":       func(_ *core.Manager, s *core.Session) error { _, err := s.Flashes(ctx); return err },
	} {
		var log bytes.Buffer
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store(), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, s.AddFlash("info", "x")) })
		r := b.send()
		fault.Before(storetest.Outage)
		if err := call(m, r.s); !errors.Is(err, core.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		if n := strings.Count(log.String(), "the store fails"); n != 1 {
			t.Errorf("%s: %d lines: %s", name, n, log.String())
		}
		r.x.Discard()
	}
}
