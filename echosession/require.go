package echosession

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// RequireLogin is a middleware for handlers that need a signed-in user. A browser without one is redirected to
// core.Config.LoginURL, with the way back in the parameter "next" (core.LocalPath); scripts and API clients get a 401:
// see core.Challenge. A visitor gets no session by that. If the store cannot answer, the client gets a 503. Mount it
// inside New, on routes or on a group with a prefix: middleware of e.Group("") also answers for unknown paths.
func RequireLogin(next echo.HandlerFunc) echo.HandlerFunc { return require(0, next) }

// RequireFresh is RequireLogin for what needs a recent sign-in, such as a change of the password: who signed in more
// than d ago has to do it again. It panics if d is not positive.
func RequireFresh(d time.Duration) echo.MiddlewareFunc {
	if d <= 0 {
		panic("echosession: RequireFresh: d must be positive")
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc { return require(d, next) }
}

func require(d time.Duration, next echo.HandlerFunc) echo.HandlerFunc {
	return Handle(func(c echo.Context, s *core.Session) error {
		if s.Fresh(d) {
			return next(c)
		}
		ch := s.Challenge(httpwriter.Asked(c.Request(), d))
		if w, ok := httpwriter.InnermostOwner[*writer](requestContext(c)); ok && w.mw.onLogin != nil {
			return w.mw.onLogin(c, ch)
		}
		ch.Apply(c.Response().Header())
		if ch.Status == http.StatusUnauthorized {
			return echo.NewHTTPError(ch.Status, http.StatusText(ch.Status))
		}
		return c.NoContent(ch.Status)
	})
}
