// Package httpsession is the net/http adapter of coatcheck. It works with every router that takes an http.Handler, such
// as http.ServeMux and chi.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	mux.Handle("GET /", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
//		...
//	}))
//	err = http.ListenAndServe(":8080", httpsession.New(m)(mux))
//
// [Handle] loads the session before the handler runs. [Get] loads it in the middle of a handler. core.FromContext is
// for code that has only the request's context. The middleware stores the session and sets the cookie before the first
// byte of the response leaves. If the session cannot be stored, the client gets an error page and nothing of the
// handler's response.
//
// # Placement
//
// Mount the middleware inside recovery, logging, time limits (http.TimeoutHandler) and request IDs. Mount it outside
// what needs the session: CSRF protection, authentication. Compression may go on either side. The handler may be a
// proxy such as httputil.ReverseProxy.
//
// After a panic, or with a status of 408 or of 500 and more, nothing is stored but a Logout. What Save stored before
// stays. So a middleware that turns a panic into a 500 may also stand inside.
//
// # Streams and sockets
//
// Changes after the first byte are stored when the handler returns, or at once by Session.Save. A change that needs a
// cookie returns core.ErrHeaderSent. If a change cannot be stored and no call has returned an error for it, the
// connection ends, so that the client does not take the response for complete. If caches may keep a page, read the
// session before its first byte: later, Vary cannot be set.
//
// Set the values that a socket needs before the upgrade. Pass the response's header, which carries the cookie, to the
// function that upgrades: Upgrade(w, r, w.Header()).
//
// Read package core next.
package httpsession

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

type middleware struct {
	m       *core.Manager
	skip    func(*http.Request) bool
	passive func(*http.Request) bool
	onError func(http.ResponseWriter, *http.Request, error)
	onLogin func(http.ResponseWriter, *http.Request, core.Challenge) // nil: the default
}

// New returns a middleware that gives each request m's session. Until a handler uses the session, it calls no store and
// sets no header, unless Config.SaveEveryRequest is set. If it is mounted twice with one manager, the inner one passes
// requests on. With several managers a request has several sessions. New panics if m is nil.
func New(m *core.Manager, opts ...Option) func(http.Handler) http.Handler {
	if m == nil {
		panic("httpsession: New: the manager is nil")
	}
	mw := &middleware{m: m, onError: respond}
	for _, opt := range opts {
		opt(mw)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { mw.serve(w, r, next) })
	}
}

func (mw *middleware) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if mw.skip != nil && mw.skip(r) || httpwriter.Mounted(mw.m, r.Context()) != nil {
		next.ServeHTTP(w, r)
		return
	}
	e := &exchange{mw: mw}
	e.r = e.Begin(mw.m, r, w, e)
	if mw.passive != nil && mw.passive(e.r) {
		e.Passive()
	}
	defer e.leave()
	next.ServeHTTP(e, e.r)
	r.Pattern = e.r.Pattern // http.ServeMux set it; a logger outside reads it
	_ = e.End()
	e.Close()
}

// exchange is one request's response writer. It answers the client if the save fails.
type exchange struct {
	httpwriter.Writer
	mw *middleware
	r  *http.Request
}

// leave ends the request. It must be deferred, because it may call recover.
func (e *exchange) leave() {
	if e.Err() == nil {
		e.Leave(e.Header(), nil)
	} else {
		e.Leave(e.Header(), recover())
	}
}

// Fail implements httpwriter.Owner.
func (e *exchange) Fail(err error) { e.mw.onError(e.Unwrap(), e.r, err) }
