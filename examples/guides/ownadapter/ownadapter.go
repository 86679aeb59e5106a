// Package ownadapter is the example of docs/writing-an-adapter.md: an adapter for valyala/fasthttp, whose handlers are no
// http.Handler. It is written with what coatcheck exports, and passes core/adaptertest.
//
//	m, err := core.New(core.Config{Store: store})
//	page := ownadapter.Handle(func(c *fasthttp.RequestCtx, s *core.Session) { ... })
//	err = fasthttp.ListenAndServe(":8080", ownadapter.New(m)(page))
//
// # Placement
//
// Mount the middleware inside recovery and logging, and outside what needs the session. Compression may go on either
// side.
//
// # Streams and sockets
//
// A streamed body (SetBodyStreamWriter) and a hijacked connection may use the session until they end, if they got it
// before the handler returned. Give a goroutine the session and [Context], not c: fasthttp uses that again.
//
// # Limits
//
// Do not use fasthttp.TimeoutHandler around the middleware: after the time limit, c belongs to the next request.
package ownadapter

import (
	"context"

	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

type middleware struct {
	m       *core.Manager
	skip    func(*fasthttp.RequestCtx) bool
	passive func(*fasthttp.RequestCtx) bool
	onError func(*fasthttp.RequestCtx, error)
	onLogin func(*fasthttp.RequestCtx, core.Challenge) // nil: the default
}

// The keys of the request's values.
type (
	contextKey    struct{} // the request's context.Context
	middlewareKey struct{} // the innermost *middleware
)

// New returns a middleware that gives each request m's session. Until a handler uses the session, it calls no store. New
// panics if m is nil.
func New(m *core.Manager, opts ...Option) func(fasthttp.RequestHandler) fasthttp.RequestHandler {
	if m == nil {
		panic("ownadapter: New: the manager is nil")
	}
	mw := &middleware{m: m, onError: respond}
	for _, opt := range opts {
		opt(mw)
	}
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler {
		return func(c *fasthttp.RequestCtx) { mw.serve(c, next) }
	}
}

// Context returns the request's context, for code that does not know fasthttp. core.FromContext finds the session in it.
// Unlike c, it may outlive the request.
func Context(c *fasthttp.RequestCtx) context.Context {
	if ctx, ok := c.UserValue(contextKey{}).(context.Context); ok {
		return ctx
	}
	return context.Background()
}

func (mw *middleware) serve(c *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	outside, adapter := Context(c), mw.m.Adapter()
	if x := adapter.Exchange(outside); x != nil && !x.Closed() || mw.skip != nil && mw.skip(c) {
		next(c) // mounted twice, or skipped
		return
	}
	x := adapter.BeginBytes(outside, func(name string) ([]byte, bool) { return lines(c, name) })
	if mw.passive != nil && mw.passive(c) {
		x.Passive()
	}
	if adapter.Devices() {
		x.Client(func() (agent, address string) { return string(c.UserAgent()), c.RemoteIP().String() })
	}
	c.SetUserValue(contextKey{}, x.Context())
	c.SetUserValue(middlewareKey{}, mw)
	c.SetUserValue(x, until{x})

	var before fasthttp.ResponseHeader
	c.Response.Header.CopyTo(&before)
	panicked := true
	defer func() {
		if panicked {
			mw.apply(c, x.Discard())
		}
	}()
	next(c)
	mw.commit(c, x, outside, &before)
	panicked = false
}

// commit stores the session, and replaces the handler's response if that fails. fasthttp has sent nothing yet.
func (mw *middleware) commit(c *fasthttp.RequestCtx, x *core.Exchange, ctx context.Context, before *fasthttp.ResponseHeader) {
	out, err := x.Commit(ctx, c.Response.StatusCode())
	goesOn := c.Response.IsBodyStream() || c.Hijacked()
	if err == nil && !goesOn {
		err = x.Finish(ctx) // stores what a goroutine of the handler changed since Commit
	}
	if err != nil {
		c.Hijack(nil)
		c.Response.Reset()
		before.CopyTo(&c.Response.Header)
		refuse(c, err)
		mw.apply(c, out)
		mw.onError(c, err)
		return
	}
	mw.apply(c, out)
	if c.Response.IsBodyStream() {
		wrap(c, x)
	}
}

// apply adds out to the response's header.
func (mw *middleware) apply(c *fasthttp.RequestCtx, out core.Out) {
	out.Apply((*header)(&c.Response.Header))
	if out.Name == fasthttp.HeaderSetCookie && !c.IsTLS() {
		forwarded := string(c.Request.Header.Peek("X-Forwarded-Proto")) + string(c.Request.Header.Peek("Forwarded"))
		mw.m.Adapter().SentPlain(string(c.Host()), forwarded)
	}
}
