// Package httpsession is the net/http adapter of coatcheck. It works with every router that takes an http.Handler, such
// as http.ServeMux, chi and gorilla/mux, and with the handlers of Connect.
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
// A logger inside notes the handler's status, and not the 503 of a save that was refused. Router.Use of gorilla/mux runs
// for matched routes only: if NotFoundHandler needs the session, mount the middleware around the router, as above.
//
// # Connect and gRPC
//
// A procedure gets its session by core.FromContext. If that is not stored, clients see the code of the HTTP status:
// unavailable for 503, unknown for 409 and 500. To send another code, answer in [WithErrorHandler] with
// connect.ErrorWriter. Do so in [WithLoginHandler], too, if you use [RequireLogin] and Config.LoginURL: only scripts of
// browsers get a 401 by themselves.
//
// gRPC, and all streams, send every error with status 200. So what a call changed is stored although it failed, also
// after a panic that connect.WithRecover caught. If a stream changes its session after the first message, call
// Session.Save and return its error: otherwise the client sees a broken stream and not the reason.
//
// # Streams and sockets
//
// Changes after the first byte are stored when the handler returns, or at once by Session.Save. A change that needs a
// cookie returns core.ErrHeaderSent. If a change cannot be stored and no call has returned an error for it, the
// connection ends, so that the client does not take the response for complete. If caches may keep a page, read the
// session before its first byte: later, Vary cannot be set.
//
// Session.Done ends a stream or socket when its user signs out elsewhere: see docs/streams.md.
//
// Set the values that a socket needs before the upgrade. Pass the response's header, which carries the cookie, to the
// function that upgrades: Upgrade(w, r, w.Header()).
//
// The guide is docs/start/nethttp.md. Read package core next.
package httpsession

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

type middleware struct {
	m       *core.Manager
	devices bool // Config.Devices is set
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
	mw := &middleware{m: m, devices: m.Adapter().Devices(), onError: respond}
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
	if mw.devices {
		e.Client(func() string { return r.RemoteAddr })
	}
	if mw.passive != nil && mw.passive(e.r) {
		e.Passive()
	}
	defer e.leave(r)
	next.ServeHTTP(e, e.r)
	_ = e.End()
	e.Close()
}

// exchange is one request's response writer. It answers the client if the save fails.
type exchange struct {
	httpwriter.Writer
	mw *middleware
	r  *http.Request
}

// leave ends the request. It must be deferred, because it may call recover. outer is the request that was passed on: a
// logger outside reads the pattern that http.ServeMux found, after a panic, too.
func (e *exchange) leave(outer *http.Request) {
	outer.Pattern = e.r.Pattern
	if e.Err() == nil {
		e.Leave(e.Header(), nil)
	} else {
		e.Leave(e.Header(), recover())
	}
}

// Fail implements httpwriter.Owner.
func (e *exchange) Fail(err error) { e.mw.onError(e.Unwrap(), e.r, err) }
