// Package fiberv3session is the Fiber adapter of coatcheck, for Fiber v3.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	app := fiber.New()
//	app.Use(fiberv3session.New(m))
//	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
//		...
//	}))
//
// [Handle] loads the session before the handler runs. [Get] loads it in the middle of a handler. core.FromContext is
// for code that has only c.Context(), or c itself, and for handlers of net/http, mounted as they are or by adaptor. The
// middleware stores the session and sets the cookie when the handler has returned. If the session cannot be stored, the
// application's ErrorHandler makes the response, and nothing of the handler's is sent.
//
// # Placement
//
// Mount the middleware inside recover, logger and requestid. Mount it outside what needs the session: csrf,
// authentication. Compression may go on either side. Fiber's cache stands outside, where it sees Vary and keeps the
// pages of each cookie apart. Inside it does not, and gives one user's page to another.
//
// Package timeout may go on either side. The handler goes on after its answer, and nothing of what it does is stored
// but a Logout. Its session returns core.ErrClosed. A handler that ends at the very moment of the deadline may still be
// stored under the 408 if package timeout is outside; inside, it is not.
//
// After a panic, or with a status of 408 or of 500 and more, nothing is stored but a Logout. What Save stored before
// stays.
//
// An error that a handler returns decides the status. So the middleware calls the application's ErrorHandler itself, as
// Fiber's logger does, and returns nil: outer middleware sees the response and not the error.
//
// # Goroutines, streams and sockets
//
// Fiber reuses fiber.Ctx: give a goroutine the session, not c. After the request the session returns core.ErrClosed.
//
// A streamed body (SendStreamWriter, package sse) and a hijacked connection (WebSockets) may use the session until they
// end. Their changes are stored when they end, or at once by Session.Save. The cookie has been sent by then: a change
// that needs one returns core.ErrHeaderSent. If a change cannot be stored and no call has returned an error for it, the
// stream ends incomplete, so that the client does not take it for complete. If caches may keep a page, read the session
// before the handler returns: later, Vary cannot be set. Package sse lets its handler use c; other streams must not.
//
// Session.Done ends a stream or socket when its user signs out elsewhere: see docs/streams.md.
//
// With a package for WebSockets that copies those of c's values that have a string key, pass the session to the socket
// with c.Locals("session", s) before the upgrade.
//
// # Limits
//
// Fiber answers 431 to a request whose header is longer than fiber.Config.ReadBufferSize, 4096 bytes by default. Raise
// it for a cookie store.
//
// Fiber calls middleware even for a request whose header it cannot read, and answers 400 or 431 afterwards. This
// middleware ends there: without a cookie, the visitor would get a new session in place of their own. Fiber's default
// page for such a 400 shows the header, so a script on a page can read HttpOnly cookies. Set fiber.Config.ErrorHandler to
// a function that does not send the text of a 400:
//
//	if e := (*fiber.Error)(nil); errors.As(err, &e) && e.Code == fiber.StatusBadRequest {
//		err = fiber.ErrBadRequest
//	}
//	return fiber.DefaultErrorHandler(c, err)
//
// Without fiber.Config.StreamRequestBody, a request begins for the middleware when its body is whole. Put RequireLogin in front of
// uploads that may take longer than half a minute: docs/limits.md, "late tokens".
//
// With fiber.ListenConfig.EnablePrefork, each process has its own copy of a store in memory. The middleware logs a
// warning then.
//
// The guide is docs/start/fiberv3.md. Read package core next.
package fiberv3session

import (
	"context"
	"sync"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

type middleware struct {
	m       *core.Manager
	devices bool // Config.Devices is set
	skip    func(fiber.Ctx) bool
	passive func(fiber.Ctx) bool
	onError func(fiber.Ctx, error) error
	onLogin func(fiber.Ctx, core.Challenge) error // nil: the default
	custom  bool                                  // onError or onLogin is the application's
	first   sync.Once
}

// handlerKey is the key under which Handle and RequireLogin find the middleware with the application's handlers.
type handlerKey struct{}

// New returns a middleware that gives each request m's session. Until a handler uses the session, it calls no store and
// sets no header, unless Config.SaveEveryRequest is set. If it is mounted twice with one manager, the inner one passes
// requests on. With several managers a request has several sessions. New panics if m is nil.
func New(m *core.Manager, opts ...Option) fiber.Handler {
	if m == nil {
		panic("fiberv3session: New: the manager is nil")
	}
	mw := &middleware{m: m, devices: m.Adapter().Devices(), onError: newFailure}
	for _, opt := range opts {
		opt(mw)
	}
	return mw.serve
}

func (mw *middleware) serve(c fiber.Ctx) error {
	mw.first.Do(mw.warn)
	if unread(c) {
		return nil
	}
	if mw.skip != nil && mw.skip(c) {
		return c.Next()
	}
	outside := c.Context()
	if x := mw.m.Adapter().Exchange(outside); x != nil && !x.Closed() {
		return c.Next() // mounted twice, or after RestartRouting
	}
	x := mw.m.Adapter().BeginBytes(outside, func(name string) ([]byte, bool) { return lines(c, name) })
	if mw.passive != nil && mw.passive(c) {
		x.Passive()
	}
	if mw.devices {
		x.Client(func() (string, string) { return c.Get(fiber.HeaderUserAgent), c.IP() })
	}
	c.SetContext(x.Context())
	for _, key := range x.Keys() {
		c.RequestCtx().SetUserValue(key, x)
	}
	// Not after the handler: a stream may read c's values from then on, in another goroutine.
	c.RequestCtx().SetUserValue(x, until{x})
	if mw.custom || c.RequestCtx().UserValue(handlerKey{}) != nil {
		c.RequestCtx().SetUserValue(handlerKey{}, mw)
	}
	over := false
	defer func() {
		if over {
			return
		}
		if out := x.Discard(); !answered(c) {
			apply(c, mw.m, out)
		}
	}()
	before := remember(&c.Response().Header)
	err := c.Next()
	if answered(c) {
		expire(c, x, outside)
	} else {
		if err != nil {
			mw.render(c, err)
		}
		err = mw.commit(c, x, outside, before)
	}
	forget(before)
	over = true
	return err
}

// unread reports whether fasthttp could not read the request's header. Fiber calls middleware even then, and answers
// afterwards. Without the cookie, a visitor would get a new session in place of their own.
func unread(c fiber.Ctx) bool {
	h := &c.Request().Header
	return len(h.Host()) == 0 && h.IsHTTP11() && c.RequestCtx().Conn() != nil // any other such request has been refused
}

// commit stores the session and finishes the response.
func (mw *middleware) commit(c fiber.Ctx, x *core.Exchange, ctx context.Context, before *fasthttp.ResponseHeader) error {
	if ctx.Err() != nil {
		// On net/http a time limit has answered in the handler's place by now. Here this response will be sent.
		ctx = context.WithoutCancel(ctx)
	}
	out, err := x.Commit(ctx, c.Response().StatusCode())
	stays := c.Response().IsBodyStream() || c.RequestCtx().Hijacked()
	if err == nil && !stays {
		err = x.Finish(ctx) // stores what a goroutine of the handler changed since Commit
	}
	if err != nil {
		wipe(c, before)
		refuse(c, err)
		apply(c, mw.m, out)
		return mw.onError(c, err)
	}
	apply(c, mw.m, out)
	if stays {
		keep(c, x, out.Vary != "")
	}
	return nil
}

func (mw *middleware) warn() {
	if info := mw.m.Info(); info.Local && fiber.IsChild() {
		mw.m.Adapter().Logger().Warn("fiberv3session: with Prefork each process has its own "+info.Name+", so users lose their session when another process answers; use a store that processes share", "store", info.Name)
	}
}
