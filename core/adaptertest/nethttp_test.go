package adaptertest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// netHTTP is the adapter for net/http. mutate, if set, makes a broken middleware in its place.
type netHTTP struct {
	deaf   bool // it ignores Passive, Login, Fresh and OnLogin
	mutate func(m *core.Manager, onError func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler
}

func (netHTTP) Caps() Caps {
	return Caps{Informational: true, TimeLimit: true, NotFound: true, HTTP: true}
}

func (a netHTTP) Serve(tb testing.TB, m *core.Manager, o Options, all map[string]Handler) string {
	mux := http.NewServeMux()
	for path, h := range all {
		if path == "/" {
			path = "/{$}"
		}
		mux.Handle(path, handler(h, o))
	}
	if o.NotFound != nil {
		mux.Handle("/", handler(o.NotFound, o))
	}
	var app http.Handler = mux
	if a.deaf {
		o.Passive, o.Login, o.Fresh, o.OnLogin = false, false, 0, nil
	}
	if o.Fresh > 0 {
		app = httpsession.RequireFresh(o.Fresh)(app)
	}
	if o.Login {
		app = httpsession.RequireLogin(app)
	}
	if o.RecoverInside {
		app = Recover(app)
	}
	if o.GzipInside {
		app = Gzip(app)
	}
	var opts []httpsession.Option
	if o.Skip {
		opts = append(opts, httpsession.WithSkip(func(*http.Request) bool { return true }))
	}
	if o.Passive {
		opts = append(opts, httpsession.WithPassive(func(*http.Request) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, httpsession.WithLoginHandler(func(w http.ResponseWriter, r *http.Request, ch core.Challenge) {
			_ = o.OnLogin(&httpCtx{w: w, r: r}, ch)
		}))
	}
	onError := func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
	}
	if o.Error != nil {
		onError = func(w http.ResponseWriter, r *http.Request, err error) { _ = o.Error(&httpCtx{w: w, r: r}, err) }
	}
	mount := httpsession.New(m, append(opts, httpsession.WithErrorHandler(onError))...)
	if a.mutate != nil {
		mount = a.mutate(m, onError)
	}
	if !o.None {
		app = mount(app)
	}
	if o.Twice {
		app = mount(app)
	}
	if o.GzipOutside {
		app = Gzip(app)
	}
	if o.RecoverOutside {
		app = Recover(app)
	}
	return Serve(tb, o, app)
}

// handler makes an http.Handler of h.
func handler(h Handler, o Options) http.Handler {
	serve := func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		c := &httpCtx{w: w, r: r, given: s}
		var status statusError
		if err := h(c); errors.As(err, &status) {
			http.Error(w, http.StatusText(int(status)), int(status))
		} else if err != nil {
			http.Error(w, "broken", http.StatusInternalServerError)
		}
	}
	if o.Handle {
		return httpsession.Handle(serve)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, nil) })
}

type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }

type httpCtx struct {
	w     http.ResponseWriter
	r     *http.Request
	given *core.Session
}

func (c *httpCtx) Session() (*core.Session, error) {
	if c.given != nil {
		return c.given, nil
	}
	return httpsession.Get(c.r)
}

func (c *httpCtx) HTTP() (http.ResponseWriter, *http.Request) { return c.w, c.r }
func (c *httpCtx) Context() context.Context                   { return c.r.Context() }
func (c *httpCtx) Header(name string) string                  { return c.r.Header.Get(name) }
func (c *httpCtx) Path() string                               { return c.r.URL.Path }
func (c *httpCtx) SetHeader(name, value string)               { c.w.Header().Set(name, value) }
func (c *httpCtx) AddHeader(name, value string)               { c.w.Header().Add(name, value) }
func (c *httpCtx) Fail(status int) error                      { return statusError(status) }
func (c *httpCtx) Info(status int)                            { c.w.WriteHeader(status) }
func (c *httpCtx) Hijack(serve func(net.Conn)) error          { return Upgrade(c.w, serve) }
func (c *httpCtx) NoContent(status int) error                 { c.w.WriteHeader(status); return nil }

func (c *httpCtx) Stream(produce func(send func(string) error)) error {
	return Stream(c.w, produce)
}

func (c *httpCtx) String(status int, body string) error {
	c.w.Header().Set("Content-Type", "text/plain")
	c.w.WriteHeader(status)
	_, err := c.w.Write([]byte(body))
	return err
}

func (c *httpCtx) Redirect(status int, url string) error {
	http.Redirect(c.w, c.r, url, status)
	return nil
}

func (c *httpCtx) File(path string) error {
	http.ServeFile(c.w, c.r, path)
	return nil
}
