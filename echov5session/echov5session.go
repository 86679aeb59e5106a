// Package echov5session is the Echo v5 adapter of coatcheck. Package echosession is the one for Echo v4.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	e := echo.New()
//	e.Use(echov5session.New(m))
//	e.GET("/", echov5session.Handle(func(c *echo.Context, s *core.Session) error {
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
// Mount the middleware inside Recover, RequestLogger, RequestID and time limits. Mount it outside what needs the
// session: CSRF protection, authentication. Gzip may go on either side. Put http.TimeoutHandler around Echo, as the
// server's handler: in WrapMiddleware it ends, with a 200, before Echo answers an error. The middleware of the Echo
// that NewVirtualHostHandler returns does not run for the hosts: mount it in each host's Echo.
//
// After a panic, or with a status of 408 or of 500 and more, nothing is stored but a Logout. What Save stored before
// stays. If the session cannot be stored, HTTPErrorHandler answers and the middleware returns nil: outer middleware
// sees the response and not the error. If the handler returns an error, the status that HTTPErrorHandler sends decides
// what is stored. If an outer middleware drops that error and sends nothing, nothing is stored but a Logout. If an
// outer middleware's response writer has no Unwrap method, which Echo asks for, HTTPErrorHandler answers at once and
// the middleware returns nil.
//
// Write to c.Response(). What is written to the result of echo.UnwrapResponse goes past the middleware, and the cookie
// of a new session is lost. Its Before hooks run when the session is stored: there, a change that needs a cookie
// returns core.ErrHeaderSent.
//
// Mount middleware of net/http whose writer has no Unwrap method outside Gzip and BodyDump. Between them and this
// middleware it hides Echo's response: an error that the handler returns then goes past the session, and what the
// request did is lost, with a line in the log. A Logout is carried out some seconds later, and the cookie stays.
//
// # Goroutines, streams and sockets
//
// Echo reuses *echo.Context: give a goroutine the session, not c. After the request the session returns
// core.ErrClosed.
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
// Echo's Response takes an informational status such as 103 for the final one, also from httputil.ReverseProxy, and a
// 404 after it becomes a 200. The middleware sends such a status past it: WriteHeader of c.Response() works. Without
// the middleware, and in echo.WrapMiddleware inside it, use res.Unwrap().WriteHeader with the res that
// echo.UnwrapResponse(c.Response()) returns.
//
// The guide is docs/start/echov5.md. Read package core next.
package echov5session

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

type middleware struct {
	m       *core.Manager
	devices bool // Config.Devices is set
	skip    func(*echo.Context) bool
	passive func(*echo.Context) bool
	onError func(*echo.Context, error) error
	onLogin func(*echo.Context, core.Challenge) error // nil: the default
}

// New returns a middleware that gives each request m's session. Until a handler uses the session, it calls no store and
// sets no header, unless Config.SaveEveryRequest is set. If it is mounted twice with one manager, the inner one passes
// requests on. With several managers a request has several sessions. New panics if m is nil.
func New(m *core.Manager, opts ...Option) echo.MiddlewareFunc {
	if m == nil {
		panic("echov5session: New: the manager is nil")
	}
	mw := &middleware{m: m, devices: m.Adapter().Devices(), onError: httpError}
	for _, opt := range opts {
		opt(mw)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error { return mw.serve(c, next) }
	}
}

func (mw *middleware) serve(c *echo.Context, next echo.HandlerFunc) error {
	r := c.Request()
	if r == nil {
		return next(c) // a test made this context without a request
	}
	if mw.skip != nil && mw.skip(c) || httpwriter.Mounted(mw.m, r.Context()) != nil {
		return next(c)
	}
	res, hidden := echo.UnwrapResponse(c.Response())
	if hidden != nil {
		res = echo.NewResponse(c.Response(), c.Logger())
		c.SetResponse(res)
	}
	w := &writer{mw: mw, c: c, res: res}
	c.SetRequest(w.Begin(mw.m, r, c.Response(), w))
	if mw.devices {
		w.Client(c.RealIP)
	}
	if mw.passive != nil && mw.passive(c) {
		w.Passive()
	}
	c.SetResponse(w)
	defer w.leave()
	err := next(c)
	if err != nil {
		err = mw.answer(c, err)
	}
	if err != nil && w.Open() {
		if hidden == nil {
			w.awaitError()
			return err
		}
		c.Echo().HTTPErrorHandler(c, err) // now: later nothing would lead through w
		err = nil
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
func (mw *middleware) answer(c *echo.Context, err error) error {
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
	mw    *middleware
	c     *echo.Context
	res   *echo.Response // Echo's own, which w writes to
	below bool           // res writes to w
}

// awaitError puts w below Echo's response. HTTPErrorHandler runs after all middleware. Some of it, such as Gzip, takes
// back what it did to the writer, and w with it. echo.WrapMiddleware has made a response of its own, which such
// middleware takes back, too: w goes below the last one.
func (w *writer) awaitError() {
	w.FinishLater()
	for outer, _ := echo.UnwrapResponse(w.res.Unwrap()); outer != nil; outer, _ = echo.UnwrapResponse(w.res.Unwrap()) {
		w.res = outer
	}
	w.c.SetResponse(w.Unwrap())
	w.MoveTo(w.res.Unwrap())
	w.res.ResponseWriter, w.below = w, true
}

// WriteHeader sends an informational status past Echo's response, which takes it for the final one.
func (w *writer) WriteHeader(status int) {
	if status < http.StatusOK && status != http.StatusSwitchingProtocols && w.Err() == nil && !w.below {
		w.res.Unwrap().WriteHeader(status)
		return
	}
	w.Writer.WriteHeader(status)
}

// Fail implements httpwriter.Owner. It answers past any writer before this one, such as Gzip's. What the handler sends
// afterwards comes to w, which refuses it.
func (w *writer) Fail(err error) {
	w.c.SetResponse(w)
	if w.below {
		w.c.SetResponse(w.res)
	}
	w.res.Committed = false
	w.Bypass(func() {
		if err := w.mw.onError(w.c, err); err != nil {
			w.c.Echo().HTTPErrorHandler(w.c, err)
		}
	})
}

// httpError makes an error that shows the status and its text only. It wraps err; core has logged it.
func httpError(_ *echo.Context, err error) error {
	status := core.HTTPStatus(err)
	return echo.NewHTTPError(status, http.StatusText(status)).Wrap(err)
}
