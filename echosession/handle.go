package echosession

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// Handle makes a handler that loads the session and then runs h. If the store cannot answer, h does not run and the
// client gets a 503. Without the middleware the client gets a 500. If a request has several sessions, h gets that of
// the innermost middleware. Handle panics if h is nil.
//
// h may return an error of core as it is, such as an outage that Manager.Sessions or RevokeSubject met: the middleware
// answers with core.HTTPStatus(err), no-store, and Retry-After where a retry may help. What is a 500, such as
// core.ErrIncomplete, comes to HTTPErrorHandler as it is.
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

// Get returns the session of c, and loads it at the first call. The error is an *echo.HTTPError; return it as it is.
// core.ErrNoSession (500): the middleware is not mounted, or it skipped this request. core.ErrUnavailable (503): the
// store cannot answer. The session is never nil. After an error its methods return that error, except that Login and
// Logout work after core.ErrUnreadable.
func Get(c echo.Context) (*core.Session, error) {
	s, err := core.FromContext(requestContext(c))
	if err != nil {
		err = httpError(c, err)
	}
	return s, err
}

// requestContext returns the request's context, or an empty one if a test made c without a request.
func requestContext(c echo.Context) context.Context {
	if c.Request() == nil {
		return context.Background()
	}
	return c.Request().Context()
}

// fail returns the error that the middleware's error handler makes of err.
func fail(c echo.Context, err error) error {
	httpwriter.Refuse(c.Response().Header(), err)
	if w, ok := httpwriter.InnermostOwner[*writer](requestContext(c)); ok {
		return w.mw.onError(c, err)
	}
	httpwriter.Unmounted("echosession", err)
	return httpError(c, err)
}
