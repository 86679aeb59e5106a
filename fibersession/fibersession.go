// Package fibersession is the Fiber adapter of coatcheck, for Fiber v2.
//
//	store, err := memstore.New(memstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//	app := fiber.New()
//	app.Use(fibersession.New(m))
//	app.Get("/", fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
//		...
//	}))
//
// [Handle] loads the session before the handler; [Get] is for the middle of one, and
// core.FromContext for code that has only c.UserContext() or c.Context(), and for handlers of net/http behind
// Fiber's adaptor. The session is stored, and the cookie set, when the handler
// has returned. If it cannot be stored, the application's ErrorHandler makes the response, and
// nothing of the handler's is sent.
//
// # Placement
//
// Mount it inside of recover, logger and requestid, and outside of what needs the session: csrf,
// authentication. Compression may go on either side; package timeout wraps handlers. Fiber's cache keeps
// pages whatever their header says: keep it away from pages that depend on a session.
// A panic, a status of 500 and more, or 408 stores nothing but a Logout and what Save has stored before.
//
// An error that a handler returns decides the status, so the middleware calls the application's
// ErrorHandler itself, as Fiber's logger does, and returns nil: what stands outside
// sees the response and not the error.
//
// # Goroutines, streams and sockets
//
// Fiber reuses *fiber.Ctx: give a goroutine the session, not c. After the request the session
// answers core.ErrClosed. A body that is streamed (SetBodyStreamWriter) and a connection
// that is taken over (WebSockets) may use the session to their end, as long as they got it before
// the handler returned; what they change is stored at once by Session.Save, and else at that
// end. Both come after the cookie: a change that needs one returns core.ErrHeaderSent. If the store does not take what
// no call has refused, the stream ends without its end: the client must not take it for whole. Read the session before
// the handler returns where caches may keep the page: after it there is no Vary any more. With package websocket of gofiber/contrib, give the session to the socket with
// c.Locals("session", s) before the upgrade: of c's values it hands on those with a string key.
//
// # Limits
//
// Fiber refuses a request whose header is longer than fiber.Config.ReadBufferSize, 4096 bytes by
// default, with 431. Raise that for a cookie store.
//
// With fiber.Config.Prefork every process has a store of its own if that is in memory; a warning
// is logged then.
//
// Read package core next.
package fibersession

import (
	"context"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

type middleware struct {
	m       *core.Manager
	skip    func(*fiber.Ctx) bool
	onError func(*fiber.Ctx, error) error
	custom  bool // onError is the application's
	first   sync.Once
}

// handlerKey is where Handle finds the middleware with the application's error handler.
type handlerKey struct{}

// New returns a middleware that gives each request m's session. It does nothing until a
// handler uses the session: no store call, no header. Mounted twice with one manager,
// the inner one passes requests on; several managers give a request several sessions. New
// panics if m is nil.
func New(m *core.Manager, opts ...Option) fiber.Handler {
	if m == nil {
		panic("fibersession: New: the manager is nil")
	}
	mw := &middleware{m: m, onError: newFailure}
	for _, opt := range opts {
		opt(mw)
	}
	return mw.serve
}

func (mw *middleware) serve(c *fiber.Ctx) error {
	mw.first.Do(func() { mw.warn(c.App()) })
	if mw.skip != nil && mw.skip(c) {
		return c.Next()
	}
	outside := c.UserContext()
	if x := mw.m.Adapter().Exchange(outside); x != nil && !x.Closed() {
		return c.Next() // mounted twice, or RestartRouting
	}
	x := mw.m.Adapter().BeginBytes(outside, lines(c, mw.m.Adapter().Header()))
	c.SetUserContext(x.Context())
	for _, key := range x.Keys() {
		c.Context().SetUserValue(key, x)
	}
	if mw.custom || c.Context().UserValue(handlerKey{}) != nil {
		c.Context().SetUserValue(handlerKey{}, mw)
	}
	over := false
	defer func() {
		if !over {
			apply(c, mw.m, x.Discard())
		}
	}()
	before := remember(&c.Response().Header)
	if err := c.Next(); err != nil {
		render(c, err)
	}
	err := mw.commit(c, x, outside, before)
	forget(before)
	over = true
	return err
}

// commit stores the session, and finishes the response that the client is to get.
func (mw *middleware) commit(c *fiber.Ctx, x *core.Exchange, ctx context.Context, before *fasthttp.ResponseHeader) error {
	if ctx.Err() != nil {
		// Nobody has answered in the handler's place, as a time limit on net/http does: this response
		// will be sent.
		ctx = context.WithoutCancel(ctx)
	}
	out, err := x.Commit(ctx, c.Response().StatusCode())
	stays := c.Response().IsBodyStream() || c.Context().Hijacked()
	if err == nil && !stays {
		err = x.Finish(ctx) // a goroutine of the handler may have come in between
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

func (mw *middleware) warn(app *fiber.App) {
	if info := mw.m.Info(); info.Local && app.Config().Prefork {
		mw.m.Adapter().Logger().Warn("fibersession: with Prefork every process has its own "+info.Name+", and users lose their session when another one answers: use a store that processes share", "store", info.Name)
	}
}
