package core_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestWithoutMiddleware(t *testing.T) {
	s, err := core.FromContext(ctx)
	if !errors.Is(err, core.ErrNoSession) || s == nil {
		t.Fatalf("FromContext: %v, %v", s, err)
	}
	if err := count.Set(s, 1); !errors.Is(err, core.ErrNoSession) {
		t.Errorf("Set: %v", err)
	}
	_, _, _, _, _ = s.ID(), s.Keys(), s.ExpiresAt(), s.TimeLeft(), s.Subject() // no panic
	if err := s.Save(ctx); !errors.Is(err, core.ErrNoSession) {
		t.Errorf("Save: %v", err)
	}
	if _, err := s.Flashes(ctx); !errors.Is(err, core.ErrNoSession) {
		t.Errorf("Flashes: %v", err)
	}
}

func TestTwoManagersOnOneStore(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	staff := newManager(t, core.Config{Store: store, Cookie: core.Cookie{Name: "staff"}})
	shop := newManager(t, core.Config{Store: store, Cookie: core.Cookie{Name: "shop"}})
	a := newBrowser(t, staff)
	a.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b := newBrowser(t, shop)
	b.cookie = strings.Replace(a.cookie, "staff=", "shop=", 1)
	if _, live := b.value(count); live {
		t.Error("one manager's token is good for the other")
	}
	// Both in one request: the context tells them apart.
	xs := staff.Adapter().Begin(context.Background(), http.Header{"Cookie": {a.cookie}})
	xb := shop.Adapter().Begin(xs.Context(), nil)
	inner := xb.Context()
	if staff.Adapter().Exchange(inner) != xs || shop.Adapter().Exchange(inner) != xb {
		t.Error("the context mixes them up")
	}
	s, err := staff.FromContext(inner)
	must(t, err)
	if n, _ := count.Get(s); n != 1 {
		t.Errorf("count = %d", n)
	}
	if s, _ := core.FromContext(inner); !s.IsNew() {
		t.Error("FromContext is not the innermost manager's")
	}
}

// a slog handler that adds the session's user deadlocks.
type userHandler struct{ slog.Handler }

func (h userHandler) Handle(ctx context.Context, r slog.Record) error {
	if s, err := core.FromContext(ctx); err == nil {
		r.AddAttrs(slog.String("user", s.Subject()))
	}
	return h.Handler.Handle(ctx, r)
}
func (h userHandler) Enabled(context.Context, slog.Level) bool { return true }

func TestLoggerMayAskForTheSession(t *testing.T) {
	within := func(what string, f func()) {
		done := make(chan struct{})
		go func() { f(); close(done) }()
		select {
		case <-done:
		case <-time.After(2 * time.Second):
			t.Errorf("%s: hangs", what)
		}
	}
	log := slog.New(userHandler{slog.DiscardHandler})
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store(), Logger: log})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	fault.Before(func(storetest.Call) error { return driver.ErrUnavailable })
	within("outage while loading", func() {
		x := m.Adapter().Begin(ctx, b.header())
		_, _ = core.FromContext(x.Context())
	})
	fault.Before(func(storetest.Call) error { return nil })
	within("header sent", func() {
		x := m.Adapter().Begin(ctx, nil)
		s, _ := x.Session(x.Context())
		_, _ = x.Commit(x.Context(), 200)
		_ = count.Set(s, 1)
		_ = x.Finish(x.Context())
	})
}
