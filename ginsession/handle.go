package ginsession

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// Handle makes a handler that loads the session and then runs h. If the store cannot answer, h does not run and the
// client gets a 503. Without the middleware the client gets a 500. If a request has several sessions, h gets that of
// the innermost middleware. Handle panics if h is nil.
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

// Get returns the session of c, and loads it at the first call. core.ErrNoSession: the middleware is not mounted, or it
// skipped this request. core.ErrUnavailable: the store cannot answer; stop, and answer with core.HTTPStatus(err) and
// core.RetryAfter(err). The session is never nil. After an error its methods return that error, except that Login and
// Logout work after core.ErrUnreadable.
func Get(c *gin.Context) (*core.Session, error) { return core.FromContext(requestContext(c)) }

// requestContext returns the request's context, or an empty one if a test made c without a request.
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
		httpwriter.Unmounted("ginsession", err)
		abort(c, err)
	}
	c.Abort()
}

// abort sends the client the status and its text only, and adds err to c.Errors.
func abort(c *gin.Context, err error) {
	status := core.HTTPStatus(err)
	_ = c.Error(err)
	c.Abort()
	c.String(status, http.StatusText(status))
}
