package fiberv3session

import (
	"net/http"
	"time"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
)

// RequireLogin is a middleware for handlers that need a signed-in user. A browser without one is redirected to
// core.Config.LoginURL, with the way back in the parameter "next" (core.LocalPath); scripts and API clients get a 401:
// see core.Challenge. A visitor gets no session by that. If the store cannot answer, the client gets a 503. Mount it
// inside New, on routes or on a group with a prefix: for the paths "//" and "///" Fiber runs no middleware of app.Use("/"),
// and still serves a route for "/*".
func RequireLogin(c fiber.Ctx) error { return require(c, 0) }

// RequireFresh is RequireLogin for what needs a recent sign-in, such as a change of the password: who signed in more
// than d ago has to do it again. It panics if d is not positive.
func RequireFresh(d time.Duration) fiber.Handler {
	if d <= 0 {
		panic("fiberv3session: RequireFresh: d must be positive")
	}
	return func(c fiber.Ctx) error { return require(c, d) }
}

func require(c fiber.Ctx, d time.Duration) error {
	s, err := core.FromContext(c.Context())
	if err != nil {
		return fail(c, err)
	}
	if s.Fresh(d) {
		return c.Next()
	}
	ch := s.Challenge(core.Asked{
		MaxAge: d, Method: c.Method(), Target: c.OriginalURL(), Host: string(c.Request().Host()),
		Header: func(name string) string { return c.Get(name) },
	})
	if mw, ok := c.RequestCtx().UserValue(handlerKey{}).(*middleware); ok && mw.onLogin != nil {
		return mw.onLogin(c, ch)
	}
	ch.Apply(Header(c))
	if ch.Status == http.StatusUnauthorized {
		return fiber.NewError(ch.Status)
	}
	c.Status(ch.Status)
	return nil
}

// Header is the header of the response, as Challenge.Apply of package core takes it.
func Header(c fiber.Ctx) core.Header { return (*header)(&c.Response().Header) }
