package serverstores

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
)

type httpAdapter struct{}

func (httpAdapter) Caps() adaptertest.Caps {
	return adaptertest.Caps{Informational: true, TimeLimit: true, NotFound: true, HTTP: true}
}

func (httpAdapter) Serve(tb testing.TB, m *core.Manager, o adaptertest.Options, routes map[string]adaptertest.Handler) string {
	mux := http.NewServeMux()
	for path, h := range routes {
		if strings.HasSuffix(path, "/") {
			path += "{$}"
		}
		mux.Handle(path, httpHandler(o, h))
	}
	if o.NotFound != nil {
		mux.Handle("/", httpHandler(o, o.NotFound))
	}
	var opts []httpsession.Option
	if o.Skip {
		opts = append(opts, httpsession.WithSkip(func(*http.Request) bool { return true }))
	}
	if o.Error != nil {
		opts = append(opts, httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
			_ = o.Error(httpCtx{w, r, nil}, err)
		}))
	}
	if o.Passive {
		opts = append(opts, httpsession.WithPassive(func(*http.Request) bool { return true }))
	}
	if o.OnLogin != nil {
		opts = append(opts, httpsession.WithLoginHandler(func(w http.ResponseWriter, r *http.Request, ch core.Challenge) {
			_ = o.OnLogin(httpCtx{w, r, nil}, ch)
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

func httpHandler(o adaptertest.Options, h adaptertest.Handler) http.HandlerFunc {
	serve := func(c httpCtx) {
		if err := h(c); err != nil {
			http.Error(c.w, "internal error", http.StatusInternalServerError)
		}
	}
	if o.Handle {
		return httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) { serve(httpCtx{w, r, s}) })
	}
	return func(w http.ResponseWriter, r *http.Request) { serve(httpCtx{w, r, nil}) }
}

type httpCtx struct {
	w http.ResponseWriter
	r *http.Request
	s *core.Session // from Handle
}

func (c httpCtx) Session() (*core.Session, error) {
	if c.s != nil {
		return c.s, nil
	}
	return httpsession.Get(c.r)
}

func (c httpCtx) HTTP() (http.ResponseWriter, *http.Request) { return c.w, c.r }
func (c httpCtx) Context() context.Context                   { return c.r.Context() }
func (c httpCtx) Header(name string) string                  { return c.r.Header.Get(name) }
func (c httpCtx) Path() string                               { return c.r.URL.Path }
func (c httpCtx) SetHeader(name, value string)               { c.w.Header().Set(name, value) }
func (c httpCtx) AddHeader(name, value string)               { c.w.Header().Add(name, value) }
func (c httpCtx) Info(status int)                            { c.w.WriteHeader(status) }
func (c httpCtx) NoContent(status int) error                 { c.w.WriteHeader(status); return nil }
func (c httpCtx) Redirect(status int, url string) error {
	http.Redirect(c.w, c.r, url, status)
	return nil
}
func (c httpCtx) File(path string) error            { http.ServeFile(c.w, c.r, path); return nil }
func (c httpCtx) Fail(status int) error             { http.Error(c.w, "failed", status); return nil }
func (c httpCtx) Hijack(serve func(net.Conn)) error { return adaptertest.Upgrade(c.w, serve) }

func (c httpCtx) String(status int, body string) error {
	c.w.WriteHeader(status)
	_, err := io.WriteString(c.w, body)
	return err
}

func (c httpCtx) Stream(produce func(send func(chunk string) error)) error {
	return adaptertest.Stream(c.w, produce)
}
