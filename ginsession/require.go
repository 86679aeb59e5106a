package ginsession

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// RequireLogin is a middleware for handlers that need a signed-in user. A browser without one is redirected to
// core.Config.LoginURL, with the way back in the parameter "next" (core.LocalPath); scripts and API clients get a 401:
// see core.Challenge. A visitor gets no session by that. If the store cannot answer, the client gets a 503. Mount it
// inside New.
func RequireLogin(c *gin.Context) { require(c, 0) }

// RequireFresh is RequireLogin for what needs a recent sign-in, such as a change of the password: who signed in more
// than d ago has to do it again. It panics if d is not positive.
func RequireFresh(d time.Duration) gin.HandlerFunc {
	if d <= 0 {
		panic("ginsession: RequireFresh: d must be positive")
	}
	return func(c *gin.Context) { require(c, d) }
}

func require(c *gin.Context, d time.Duration) {
	Handle(func(c *gin.Context, s *core.Session) {
		if s.Fresh(d) {
			return // Gin calls the next handler
		}
		ch := s.Challenge(httpwriter.Asked(c.Request, d))
		c.Abort()
		if w, ok := httpwriter.InnermostOwner[*writer](c.Request.Context()); ok && w.mw.onLogin != nil {
			w.mw.onLogin(c, ch)
			return
		}
		ch.Apply(c.Writer.Header())
		if ch.Status == http.StatusUnauthorized {
			c.String(ch.Status, http.StatusText(ch.Status))
			return
		}
		c.Status(ch.Status)
	})(c)
}
