// Package httpsession is the net/http adapter of coatcheck: sessions for every router that
// takes an http.Handler, such as http.ServeMux and chi.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	mux.Handle("GET /", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
//		...
//	}))
//	err = http.ListenAndServe(":8080", httpsession.New(m)(mux))
//
// [Handle] loads the session before the handler; [Get] is for the middle of one, and
// core.FromContext for code that has only the request's context. The session is stored, and the
// cookie set, before the first byte of the response leaves. If it cannot be stored,
// the client gets an error page and nothing of the handler's response.
//
// # Placement
//
// Mount it inside of what recovers from panics, logs, sets time limits
// (http.TimeoutHandler) or names the request, and outside of what needs the session:
// CSRF protection, authentication. Compression may go on either side. A panic, a status
// of 500 and more, or 408 stores nothing but a Logout and what Save has stored before, so a middleware that turns a panic into a
// 500 may also stand inside. A proxy such as httputil.ReverseProxy may be the handler.
//
// # Streams and sockets
//
// Changes after the first byte are stored when the handler returns, or at once by Session.Save. One that needs a
// cookie returns core.ErrHeaderSent. If the store does not take what no call has refused, the connection ends: the client
// must not take the response for whole. Read the session before the first byte of a page that caches may keep: after it
// there is no Vary any more.
//
// Set what a socket needs before the upgrade, and give the
// response's header to whatever upgrades: Upgrade(w, r, w.Header()).
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
	onError func(http.ResponseWriter, *http.Request, error)
}

// New returns a middleware that gives each request m's session. It does nothing until a
// handler uses the session: no store call, no header. Mounted twice with one manager,
// the inner one passes requests on; several managers give a request several sessions. New
// panics if m is nil.
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
	defer e.leave()
	next.ServeHTTP(e, e.r)
	r.Pattern = e.r.Pattern // which http.ServeMux left there for the logger outside
	_ = e.End()
	e.Close()
}

// exchange is one request's response writer, and what answers if the save fails.
type exchange struct {
	httpwriter.Writer
	mw *middleware
	r  *http.Request
}

// leave is for defer.
func (e *exchange) leave() {
	if e.Err() == nil {
		e.Leave(e.Header(), nil)
	} else {
		e.Leave(e.Header(), recover())
	}
}

// Fail implements httpwriter.Owner.
func (e *exchange) Fail(err error) { e.mw.onError(e.Unwrap(), e.r, err) }
