package ginsession

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// Handle makes a handler of h, for which the session is loaded before it runs. If the
// store cannot answer, h does not run and the client gets a 503. Without the
// middleware the client gets a 500. Of several sessions it is the innermost middleware's.
func Handle(h func(c *gin.Context, s *core.Session)) gin.HandlerFunc {
	if h == nil {
		panic("ginsession: Handle: the handler is nil")
	}
	return func(c *gin.Context) {
		s, err := Get(c)
		if err != nil {
			fail(c, err)
			return
		}
		h(c, s)
	}
}

// Get returns the session of c, and loads it if need be. core.ErrNoSession: there is no
// middleware, or it was skipped. core.ErrUnavailable: the store cannot answer; stop, and
// answer with core.HTTPStatus(err) and core.RetryAfter(err). The session is never nil; after an error its
// methods return that error, but for Login and Logout where it is core.ErrUnreadable.
func Get(c *gin.Context) (*core.Session, error) { return core.FromContext(requestContext(c)) }

// requestContext is the request's context, and an empty one where a test has made c without a request.
func requestContext(c *gin.Context) context.Context {
	if c.Request == nil {
		return context.Background()
	}
	return c.Request.Context()
}

// fail answers c with the error handler of its middleware.
func fail(c *gin.Context, err error) {
	httpwriter.Refuse(c.Writer.Header(), err)
	if w, ok := httpwriter.InnermostOwner[*writer](requestContext(c)); ok {
		w.mw.onError(c, err)
	} else {
		abort(c, err)
	}
	c.Abort()
}

// abort says no more than the status to the client, and err to c.Errors.
func abort(c *gin.Context, err error) {
	status := core.HTTPStatus(err)
	_ = c.Error(err)
	c.Abort()
	c.String(status, http.StatusText(status))
}
