// Package echosession is the Echo adapter of coatcheck.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	e := echo.New()
//	e.Use(echosession.New(m))
//	e.GET("/", echosession.Handle(func(c echo.Context, s *core.Session) error {
//		...
//	}))
//
// [Handle] loads the session before the handler; [Get] is for the middle of one, and
// core.FromContext for code that has only c.Request().Context(). The session is stored, and the
// cookie set, before the first byte of the response leaves. If it cannot be stored,
// Echo's HTTPErrorHandler makes the response, and nothing of the handler's is sent.
//
// # Placement
//
// Mount it inside of Recover, Logger, RequestID and time limits, and outside of what needs
// the session: CSRF protection, authentication. Gzip may go on either side. A panic, a status of
// 500 and more, or 408 stores nothing but a Logout and what Save has stored before. If the session cannot be stored, HTTPErrorHandler answers and the middleware
// returns nil: what stands outside sees the response and not the error. An error that is returned is stored by the status that
// HTTPErrorHandler gives it; if a middleware outside drops the error and sends nothing, nothing is stored.
//
// # Goroutines, streams and sockets
//
// Echo reuses echo.Context: give a goroutine the session, not c. After the request the session answers
// core.ErrClosed.
//
// Changes after the first byte are stored when the handler returns, or at once by Session.Save. One that needs a
// cookie returns core.ErrHeaderSent. If the store does not take what no call has refused, the connection ends: the client
// must not take the response for whole. Read the session before the first byte of a page that caches may keep: after it
// there is no Vary any more.
//
// Set what a socket needs
// before the upgrade, and give the response's header to whatever upgrades:
// Upgrade(c.Response(), c.Request(), c.Response().Header()).
//
// Echo's Response.WriteHeader takes an informational status such as 103 for the final
// one; send those, and proxy with httputil.ReverseProxy, through c.Response().Writer.
//
// Read package core next.
package echosession

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

type middleware struct {
	m       *core.Manager
	skip    func(echo.Context) bool
	onError func(echo.Context, error) error
}

// New returns a middleware that gives each request m's session. It does nothing until a
// handler uses the session: no store call, no header. Mounted twice with one manager,
// the inner one passes requests on; several managers give a request several sessions. New
// panics if m is nil.
func New(m *core.Manager, opts ...Option) echo.MiddlewareFunc {
	if m == nil {
		panic("echosession: New: the manager is nil")
	}
	mw := &middleware{m: m, onError: httpError}
	for _, opt := range opts {
		opt(mw)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { return mw.serve(c, next) }
	}
}

func (mw *middleware) serve(c echo.Context, next echo.HandlerFunc) error {
	r, res := c.Request(), c.Response()
	if r == nil {
		return next(c) // a context that a test has made
	}
	if mw.skip != nil && mw.skip(c) || httpwriter.Mounted(mw.m, r.Context()) != nil {
		return next(c)
	}
	w := &writer{mw: mw, c: c}
	c.SetRequest(w.Begin(mw.m, r, res.Writer, w))
	res.Writer = w
	defer w.leave()
	err := next(c)
	if err != nil && w.Open() {
		// HTTPErrorHandler comes after all middleware, and some of that, such as Gzip, has
		// removed w by then.
		w.FinishLater()
		res.Before(w.beforeError)
		return err
	}
	_ = w.End()
	w.Close()
	if w.Err() != nil {
		return nil // HTTPErrorHandler has answered
	}
	return err
}

// leave is for defer.
func (w *writer) leave() {
	if w.Err() == nil {
		w.Leave(w.Header(), nil)
	} else {
		w.Leave(w.Header(), recover())
	}
}

// writer is one request's response writer, and what answers if the save fails.
type writer struct {
	httpwriter.Writer
	mw *middleware
	c  echo.Context
}

// Fail implements httpwriter.Owner. A writer that stands before this one, such as Gzip's, is
// left out of it.
func (w *writer) Fail(err error) {
	w.c.Response().Writer = w.Unwrap()
	w.replace(err)
}

// beforeError opens the gate for a response that HTTPErrorHandler is about to send.
func (w *writer) beforeError() {
	res := w.c.Response()
	if fresh, err := w.Pass(res.Header(), res.Status); fresh {
		w.Bypass(func() { w.replace(err) })
	}
}

// replace sends Echo's own error response, and nothing after it.
func (w *writer) replace(err error) {
	res := w.c.Response()
	res.Committed = false
	if err := w.mw.onError(w.c, err); err != nil {
		w.c.Error(err)
	}
	res.Writer = w
}

// httpError says no more than the status: err is for the log, where core has put it.
func httpError(_ echo.Context, err error) error {
	status := core.HTTPStatus(err)
	return echo.NewHTTPError(status, http.StatusText(status)).SetInternal(err)
}
