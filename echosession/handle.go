package echosession

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// Handle makes a handler of h, for which the session is loaded before it runs. If the
// store cannot answer, h does not run and the client gets a 503. Without the
// middleware the client gets a 500. Of several sessions it is the innermost middleware's.
func Handle(h func(c echo.Context, s *core.Session) error) echo.HandlerFunc {
	if h == nil {
		panic("echosession: Handle: the handler is nil")
	}
	return func(c echo.Context) error {
		s, err := core.FromContext(requestContext(c))
		if err != nil {
			return fail(c, err)
		}
		return h(c, s)
	}
}

// Get returns the session of c, and loads it if need be. The error is an *echo.HTTPError
// to be returned as it is: core.ErrNoSession (500) if there is no middleware, or it was skipped,
// core.ErrUnavailable (503) if the store cannot answer. The session is never nil; after an
// error its methods return that error, but for Login and Logout where it is core.ErrUnreadable.
func Get(c echo.Context) (*core.Session, error) {
	s, err := core.FromContext(requestContext(c))
	if err != nil {
		err = httpError(c, err)
	}
	return s, err
}

// requestContext is the request's context, and an empty one where a test has made c without a request.
func requestContext(c echo.Context) context.Context {
	if c.Request() == nil {
		return context.Background()
	}
	return c.Request().Context()
}

// fail makes of err what the error handler of the middleware does.
func fail(c echo.Context, err error) error {
	httpwriter.Refuse(c.Response().Header(), err)
	if w, ok := httpwriter.InnermostOwner[*writer](requestContext(c)); ok {
		return w.mw.onError(c, err)
	}
	return httpError(c, err)
}
