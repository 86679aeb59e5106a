package oteltest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/otelsession"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// app is an instrumented application over HTTP, with /metrics. Its store has a cache, sweeps and counts.
type app struct {
	*httptest.Server
	m     *core.Manager
	store driver.Store
	truth *storetest.Fault
	ahead atomic.Int64 // the application's clock, before the real one
}

var (
	visits = core.Key[int]("visits")
	wrong  = core.Key[[]int]("visits") // the same entry, of another type
)

func newApp(t *testing.T) *app {
	t.Helper()
	registry := prometheus.NewRegistry()
	provider := sdk.NewMeterProvider(sdk.WithReader(made.Of(exporter.New(exporter.WithRegisterer(registry)))))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	o := made.Of(otelsession.New(otelsession.Config{MeterProvider: provider}))

	a := &app{truth: storetest.NewFault(database{made.Of(memstore.New(memstore.Config{}))})}
	store := made.Of(cachedstore.New(made.Of(memstore.New(memstore.Config{})), a.truth.Store(), cachedstore.Config{}))
	a.store = store
	a.m = made.Of(core.New(core.Config{
		Store: store, Observer: o.Observe, SaveEveryRequest: true, Logger: slog.New(slog.DiscardHandler),
		Now:    func() time.Time { return time.Now().Add(time.Duration(a.ahead.Load())) },
		Cookie: core.Cookie{Name: "id", Insecure: true},
		Adopt: func(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
			if cookies[0].Name == "legacy" {
				return nil, errors.New("the other system is down")
			}
			return nil, nil
		},
	}))
	t.Cleanup(func() { _ = a.m.Close() })
	made.Of(o.Watch(a.m))

	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	for path, handle := range a.handlers() {
		mux.Handle(path, httpsession.New(a.m)(httpsession.Handle(handle)))
	}
	a.Server = httptest.NewServer(mux)
	t.Cleanup(a.Close)
	return a
}

// database is a store that tells of its breaker, as those on servers do.
type database struct{ *memstore.Store }

func (database) Breakers() map[string]bool { return map[string]bool{"database": false} }

// handlers are the application's pages. Each does one thing to its session.
func (a *app) handlers() map[string]func(http.ResponseWriter, *http.Request, *core.Session) {
	type w = http.ResponseWriter
	return map[string]func(w, *http.Request, *core.Session){
		"/":       func(_ w, _ *http.Request, s *core.Session) { _ = s.Subject() },
		"/login":  func(_ w, _ *http.Request, s *core.Session) { _ = s.Login("alice") },
		"/visit":  func(_ w, _ *http.Request, s *core.Session) { _ = visits.Update(s, func(n int) int { return n + 1 }) },
		"/wrong":  func(_ w, _ *http.Request, s *core.Session) { wrong.GetOr(s, nil) },
		"/rotate": func(_ w, _ *http.Request, s *core.Session) { _ = s.RotateID() },
		"/logout": func(_ w, _ *http.Request, s *core.Session) { _ = s.Logout() },
		"/revoke": func(_ w, r *http.Request, s *core.Session) { _ = a.m.Revoke(r.Context(), s.ID()) },
		"/conflict": func(_ w, r *http.Request, s *core.Session) { // another request is faster
			_ = visits.Update(s, func(n int) int { return n + 1 })
			_ = a.m.Change(r.Context(), s.ID(), func(s *core.Session) error { return visits.Set(s, 100) })
		},
		"/ended": func(_ w, r *http.Request, s *core.Session) { // another request ends the session
			_ = visits.Set(s, 1)
			_ = a.m.Revoke(r.Context(), s.ID())
		},
		"/damage": func(_ w, r *http.Request, s *core.Session) { setFormat(r, a.store, s.ID(), 0) },
		"/newer":  func(_ w, r *http.Request, s *core.Session) { setFormat(r, a.store, s.ID(), 200) },
	}
}

// get makes a request with a cookie, and returns the new one, or that.
func (a *app) get(path, cookie string) string {
	r := made.Of(http.NewRequest("GET", a.URL+path, nil))
	r.Header.Set("Cookie", cookie)
	resp := made.Of(a.Client().Do(r))
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	for _, c := range resp.Cookies() {
		if c.Name == "id" && c.Value != "" {
			return "id=" + c.Value
		}
	}
	return cookie
}

// traffic causes an event of every kind.
func (a *app) traffic(t *testing.T) {
	login := func() string { return a.get("/login", "") }
	alice := login()
	for _, path := range []string{"/", "/visit", "/wrong", "/conflict"} {
		a.get(path, alice)
	}
	a.get("/", alice+"; "+login()) // ambiguous
	a.get("/", "legacy=1")         // not adopted

	ended := login()
	a.get("/ended", ended)
	a.get("/", ended) // unknown
	out := login()
	a.get("/logout", out)
	a.get("/", out) // late
	a.get("/revoke", login())
	a.rotated(login())
	for _, path := range []string{"/damage", "/newer"} {
		broken := login()
		a.get(path, broken)
		a.get("/", broken)
	}
	a.later(100*24*time.Hour, func() { a.get("/", alice) }) // expired

	a.truth.Before(storetest.On("Update"))
	a.get("/visit", login()) // fails
	a.truth.Before(storetest.On("Sweep"))
	_, _ = a.m.Sweep(t.Context())
	a.truth.Before(nil)
	_, err := a.m.Sweep(t.Context())
	must(t, err)
}

// rotated uses a token an hour after the session got another one.
func (a *app) rotated(former string) {
	a.get("/rotate", former)
	a.later(time.Hour, func() { a.get("/", former) })
}

// later does something on the application's clock, and not on the store's.
func (a *app) later(d time.Duration, do func()) {
	a.ahead.Store(int64(d))
	defer a.ahead.Store(0)
	do()
}

// setFormat changes the number of the record's format: 0 is damage, 200 is of a later release.
func setFormat(r *http.Request, store driver.Store, id core.ID, format byte) {
	rec, err := store.Load(r.Context(), id)
	if err == nil {
		rec.Data = append([]byte{format}, rec.Data[1:]...)
		_ = store.Update(r.Context(), &rec)
	}
}
