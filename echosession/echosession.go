// Package echosession is the adapter of coatcheck for Echo v4, which gets fixes until the end of 2026. For Echo v5
// there is echov5session, with the same names; sessions stay valid.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	e := echo.New()
//	e.Use(echosession.New(m))
//	e.GET("/", echosession.Handle(func(c echo.Context, s *core.Session) error {
//		...
//	}))
//
// [Handle] loads the session before the handler runs. [Get] loads it in the middle of a handler. core.FromContext is
// for code that has only c.Request().Context(). The middleware stores the session and sets the cookie before the first
// byte of the response leaves. If the session cannot be stored, Echo's HTTPErrorHandler makes the response, and nothing
// of the handler's is sent.
//
// # Placement
//
// Mount the middleware inside Recover, Logger, RequestID and time limits. Mount it outside what needs the session: CSRF
// protection, authentication. Gzip may go on either side.
//
// After a panic, or with a status of 408 or of 500 and more, nothing is stored but a Logout. What Save stored before
// stays. If the session cannot be stored, HTTPErrorHandler answers and the middleware returns nil: outer middleware
// sees the response and not the error. If the handler returns an error, the status that HTTPErrorHandler sends decides
// what is stored. If an outer middleware drops that error and sends nothing, nothing is stored but a Logout. With Gzip
// outside, HTTPErrorHandler must not flush before it writes: the cookie of a session that it begins would be lost.
//
// # Goroutines, streams and sockets
//
// Echo reuses echo.Context: give a goroutine the session, not c. After the request the session returns core.ErrClosed.
//
// Changes after the first byte are stored when the handler returns, or at once by Session.Save. A change that needs a
// cookie returns core.ErrHeaderSent. If a change cannot be stored and no call has returned an error for it, the
// connection ends, so that the client does not take the response for complete. If caches may keep a page, read the
// session before its first byte: later, Vary cannot be set.
//
// Session.Done ends a stream or socket when its user signs out elsewhere: see docs/streams.md.
//
// Set the values that a socket needs before the upgrade. Pass the response's header, which carries the cookie, to the
// function that upgrades: Upgrade(c.Response(), c.Request(), c.Response().Header()).
//
// Use c.Response().Writer to send an informational status such as 103, and for httputil.ReverseProxy: Echo's
// Response.WriteHeader takes such a status for the final one.
//
// The guide is docs/start/echo.md. Read package core next.
package echosession

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

type middleware struct {
	m       *core.Manager
	devices bool // Config.Devices is set
	skip    func(echo.Context) bool
	passive func(echo.Context) bool
	onError func(echo.Context, error) error
	onLogin func(echo.Context, core.Challenge) error // nil: the default
}

// New returns a middleware that gives each request m's session. Until a handler uses the session, it calls no store and
// sets no header, unless Config.SaveEveryRequest is set. If it is mounted twice with one manager, the inner one passes
// requests on. With several managers a request has several sessions. New panics if m is nil.
func New(m *core.Manager, opts ...Option) echo.MiddlewareFunc {
	if m == nil {
		panic("echosession: New: the manager is nil")
	}
	mw := &middleware{m: m, devices: m.Adapter().Devices(), onError: httpError}
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
		return next(c) // a test made this context without a request
	}
	if mw.skip != nil && mw.skip(c) || httpwriter.Mounted(mw.m, r.Context()) != nil {
		return next(c)
	}
	w := &writer{mw: mw, c: c}
	c.SetRequest(w.Begin(mw.m, r, res.Writer, w))
	if mw.devices {
		w.Client(c.RealIP)
	}
	if mw.passive != nil && mw.passive(c) {
		w.Passive()
	}
	res.Writer = w
	defer w.leave()
	err := next(c)
	if err != nil {
		err = mw.answer(c, err)
	}
	if err != nil && w.Open() {
		// HTTPErrorHandler runs after all middleware. Some of it, such as Gzip, has removed w by then.
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

// answer makes what the error handler makes of an error of core that the handler returned as it is, such as an outage
// that Manager.Sessions met: it must not look like a fault of the application.
func (mw *middleware) answer(c echo.Context, err error) error {
	var known *echo.HTTPError
	if core.HTTPStatus(err) == http.StatusInternalServerError || errors.As(err, &known) {
		return err
	}
	httpwriter.Refuse(c.Response().Header(), err)
	return mw.onError(c, err)
}

// leave ends the request. It must be deferred, because it may call recover.
func (w *writer) leave() {
	if w.Err() == nil {
		w.Leave(w.Header(), nil)
	} else {
		w.Leave(w.Header(), recover())
	}
}

// writer is one request's response writer. It answers the client if the save fails.
type writer struct {
	httpwriter.Writer
	mw *middleware
	c  echo.Context
}

// Fail implements httpwriter.Owner. It answers past any writer before this one, such as Gzip's.
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

// httpError makes an error that shows the status and its text only. err is its Internal; core has logged it.
func httpError(_ echo.Context, err error) error {
	status := core.HTTPStatus(err)
	return echo.NewHTTPError(status, http.StatusText(status)).SetInternal(err)
}
