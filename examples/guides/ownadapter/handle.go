package ownadapter

import (
	"errors"
	"log/slog"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

// Handle makes a handler that loads the session and then runs h. If the store cannot answer, h does not run and the
// client gets a 503. Without the middleware the client gets a 500. Handle panics if h is nil.
func Handle(h func(c *fasthttp.RequestCtx, s *core.Session)) fasthttp.RequestHandler {
	if h == nil {
		panic("ownadapter: Handle: the handler is nil")
	}
	return func(c *fasthttp.RequestCtx) {
		s, err := Get(c)
		if err != nil {
			fail(c, err)
			return
		}
		h(c, s)
	}
}

// Get returns the session of c, and loads it at the first call. core.ErrNoSession: the middleware is not mounted, or it
// skipped this request. core.ErrUnavailable: the store cannot answer; stop, and answer with core.HTTPStatus(err). The
// session is never nil. After an error its methods return that error.
func Get(c *fasthttp.RequestCtx) (*core.Session, error) { return core.FromContext(Context(c)) }

// RequireLogin is a middleware for handlers that need a signed-in user. A browser without one is redirected to
// core.Config.LoginURL; scripts and API clients get a 401: see core.Challenge.
func RequireLogin(next fasthttp.RequestHandler) fasthttp.RequestHandler { return require(next, 0) }

// RequireFresh is RequireLogin for what needs a sign-in at most d ago. It panics if d is not positive.
func RequireFresh(d time.Duration) func(fasthttp.RequestHandler) fasthttp.RequestHandler {
	if d <= 0 {
		panic("ownadapter: RequireFresh: d must be positive")
	}
	return func(next fasthttp.RequestHandler) fasthttp.RequestHandler { return require(next, d) }
}

func require(next fasthttp.RequestHandler, d time.Duration) fasthttp.RequestHandler {
	return Handle(func(c *fasthttp.RequestCtx, s *core.Session) {
		if s.Fresh(d) {
			next(c)
			return
		}
		ch := s.Challenge(core.Asked{
			MaxAge: d, Method: string(c.Method()), Target: string(c.RequestURI()), Host: string(c.Host()),
			Header: func(name string) string { return string(c.Request.Header.Peek(name)) },
		})
		if mw, ok := c.UserValue(middlewareKey{}).(*middleware); ok && mw.onLogin != nil {
			mw.onLogin(c, ch)
			return
		}
		ch.Apply((*header)(&c.Response.Header))
		c.SetStatusCode(ch.Status)
		c.SetBodyString(fasthttp.StatusMessage(ch.Status))
	})
}

// fail answers a request whose session could not be loaded.
func fail(c *fasthttp.RequestCtx, err error) {
	refuse(c, err)
	if mw, ok := c.UserValue(middlewareKey{}).(*middleware); ok {
		mw.onError(c, err)
		return
	}
	if errors.Is(err, core.ErrNoSession) {
		slog.Error("ownadapter: " + err.Error()) // there is no manager, and so no other Logger
	}
	respond(c, err)
}

// refuse sets the header that each answer to err has.
func refuse(c *fasthttp.RequestCtx, err error) {
	c.Response.Header.Set("Cache-Control", "no-store")
	if after := core.RetryAfter(err); after != "" {
		c.Response.Header.Set("Retry-After", after)
	}
}

// respond sends the status and its text only. core has logged err.
func respond(c *fasthttp.RequestCtx, err error) {
	status := core.HTTPStatus(err)
	c.SetStatusCode(status)
	c.SetBodyString(fasthttp.StatusMessage(status))
}
