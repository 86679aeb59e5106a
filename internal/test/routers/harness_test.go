package routers

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/gorilla/mux"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// TestAdapter runs all rules of core/adaptertest with the middleware and the handlers mounted on a router.
func TestAdapter(t *testing.T) {
	for name, r := range map[string]adapter{"chi": {onChi, true}, "gorilla": {onGorilla, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			adaptertest.Run(t, adaptertest.Harness{
				Adapter: r,
				Junk:    1000,            // a router adds nothing to junk
				Timeout: 5 * time.Minute, // many rules run at once, perhaps on a busy machine
				New: func(testing.TB) func(testing.TB) driver.Store {
					store := made.Of(memstore.New(memstore.Config{}))
					return func(testing.TB) driver.Store { return store }
				},
			})
		})
	}
}

// adapter makes applications on one router.
type adapter struct {
	mount    func(use []chain, routes map[string]http.HandlerFunc, notFound http.HandlerFunc) http.Handler
	notFound bool // the router's middleware also runs for paths without a route
}

func onChi(use []chain, routes map[string]http.HandlerFunc, notFound http.HandlerFunc) http.Handler {
	r := chi.NewRouter()
	r.Use(use...)
	for path, h := range routes {
		r.Handle(path, h)
	}
	if notFound != nil {
		r.NotFound(notFound)
	}
	return r
}

func onGorilla(use []chain, routes map[string]http.HandlerFunc, _ http.HandlerFunc) http.Handler {
	r := mux.NewRouter()
	for path, h := range routes {
		r.Handle(path, h)
	}
	for _, m := range use {
		r.Use(m)
	}
	return r
}

func (a adapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{Informational: true, TimeLimit: true, NotFound: a.notFound, HTTP: true}
}

func (a adapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	var opts []httpsession.Option
	if o.Skip {
		opts = append(opts, httpsession.WithSkip(func(*http.Request) bool { return true }))
	}
	if o.Passive {
		opts = append(opts, httpsession.WithPassive(func(*http.Request) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
			_ = o.Error(ctx{w, r, nil}, err)
		}))
	}
	if o.OnLogin != nil {
		opts = append(opts, httpsession.WithLoginHandler(func(w http.ResponseWriter, r *http.Request, ch core.Challenge) {
			_ = o.OnLogin(ctx{w, r, nil}, ch)
		}))
	}
	session := httpsession.New(m, opts...)
	var use []chain
	add := func(wanted bool, m chain) {
		if wanted {
			use = append(use, m)
		}
	}
	add(o.RecoverOutside, adaptertest.Recover)
	add(o.GzipOutside, adaptertest.Gzip)
	add(!o.None, session)
	add(o.Twice, session)
	add(o.GzipInside, adaptertest.Gzip)
	add(o.RecoverInside, adaptertest.Recover)
	add(o.Login, httpsession.RequireLogin)
	if o.Fresh > 0 {
		use = append(use, httpsession.RequireFresh(o.Fresh))
	}
	handlers := map[string]http.HandlerFunc{}
	for path, h := range routes {
		handlers[path] = handler(o, h)
	}
	var notFound http.HandlerFunc
	if o.NotFound != nil {
		notFound = handler(o, o.NotFound)
	}
	return adaptertest.Serve(tb, o, a.mount(use, handlers, notFound))
}

func handler(o adaptertest.Options, h adaptertest.Handler) http.HandlerFunc {
	serve := func(c ctx) {
		if err := h(c); err != nil {
			http.Error(c.w, "internal error", http.StatusInternalServerError)
		}
	}
	if o.Handle {
		return httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) { serve(ctx{w, r, s}) })
	}
	return func(w http.ResponseWriter, r *http.Request) { serve(ctx{w, r, nil}) }
}

type ctx struct {
	w http.ResponseWriter
	r *http.Request
	s *core.Session // from Handle
}

func (c ctx) Session() (*core.Session, error) {
	if c.s != nil {
		return c.s, nil
	}
	return httpsession.Get(c.r)
}

func (c ctx) HTTP() (http.ResponseWriter, *http.Request) { return c.w, c.r }
func (c ctx) Context() context.Context                   { return c.r.Context() }
func (c ctx) Header(name string) string                  { return c.r.Header.Get(name) }
func (c ctx) Path() string                               { return c.r.URL.Path }
func (c ctx) SetHeader(name, value string)               { c.w.Header().Set(name, value) }
func (c ctx) AddHeader(name, value string)               { c.w.Header().Add(name, value) }
func (c ctx) Info(status int)                            { c.w.WriteHeader(status) }
func (c ctx) NoContent(status int) error                 { c.w.WriteHeader(status); return nil }
func (c ctx) Redirect(status int, url string) error      { http.Redirect(c.w, c.r, url, status); return nil }
func (c ctx) File(path string) error                     { http.ServeFile(c.w, c.r, path); return nil }
func (c ctx) Fail(status int) error                      { http.Error(c.w, "failed", status); return nil }
func (c ctx) Hijack(serve func(net.Conn)) error          { return adaptertest.Upgrade(c.w, serve) }

func (c ctx) String(status int, body string) error {
	c.w.WriteHeader(status)
	_, err := io.WriteString(c.w, body)
	return err
}

func (c ctx) Stream(produce func(send func(chunk string) error)) error {
	return adaptertest.Stream(c.w, produce)
}
