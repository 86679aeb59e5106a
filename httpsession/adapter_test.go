package httpsession_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/test/embeddedstores"
)

func TestAdapter(t *testing.T) { embeddedstores.RunAll(t, adapter{}) }

func TestTwoProcesses(t *testing.T) { embeddedstores.RunProcesses(t, adapter{}) }

type adapter struct{}

func (adapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{Informational: true, TimeLimit: true, NotFound: true, HTTP: true}
}

func (adapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	mux := http.NewServeMux()
	for path, h := range routes {
		if strings.HasSuffix(path, "/") {
			path += "{$}"
		}
		mux.Handle(path, handler(o, h))
	}
	if o.NotFound != nil {
		mux.Handle("/", handler(o, o.NotFound))
	}
	var opts []httpsession.Option
	if o.Skip {
		opts = append(opts, httpsession.WithSkip(func(*http.Request) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
			_ = o.Error(ctx{w, r, nil}, err)
		}))
	}
	if o.Passive {
		opts = append(opts, httpsession.WithPassive(func(*http.Request) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, httpsession.WithLoginHandler(func(w http.ResponseWriter, r *http.Request, ch core.Challenge) {
			_ = o.OnLogin(ctx{w, r, nil}, ch)
		}))
	}
	session := httpsession.New(m, opts...)
	h := http.Handler(mux)
	wrap := func(wanted bool, middleware func(http.Handler) http.Handler) {
		if wanted {
			h = middleware(h)
		}
	}
	if o.Fresh > 0 {
		h = httpsession.RequireFresh(o.Fresh)(h)
	}
	wrap(o.Login, httpsession.RequireLogin)
	wrap(o.RecoverInside, adaptertest.Recover)
	wrap(o.GzipInside, adaptertest.Gzip)
	wrap(o.Twice, session)
	wrap(!o.None, session)
	wrap(o.GzipOutside, adaptertest.Gzip)
	wrap(o.RecoverOutside, adaptertest.Recover)
	return adaptertest.Serve(tb, o, h)
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
