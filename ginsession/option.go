package ginsession

import (
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/gin-gonic/gin"
)

// Option is a setting of New.
type Option func(*middleware)

// WithSkip turns the middleware off for requests for which skip returns true: they get no session. Default: none are
// skipped.
func WithSkip(skip func(c *gin.Context) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithPassive marks requests for which passive returns true as passive: polls and health pages. They read the session
// and extend nothing. What they write is stored, and moves neither the deadline nor the last use. Default: none are
// passive.
func WithPassive(passive func(c *gin.Context) bool) Option {
	return func(mw *middleware) { mw.passive = passive }
}

// WithLoginHandler makes handle answer the requests that RequireLogin and RequireFresh stop. ch is the answer that they
// would give: ch.Apply sets its header. Default: that answer, with the status and its text.
func WithLoginHandler(handle func(c *gin.Context, ch core.Challenge)) Option {
	return func(mw *middleware) { mw.onLogin = handle }
}

// WithErrorHandler makes respond answer the client when a session could not be loaded (Handle) or stored. Send the
// status core.HTTPStatus(err); err itself is for logs only. For core.ErrEnded, a redirect to the sign-in page may be
// better. The header fields that the handler set are gone. Cache-Control: no-store is set already, and Retry-After
// where a retry may help: delete that for a redirect. Default: c.Error(err), and the status with its text.
func WithErrorHandler(respond func(c *gin.Context, err error)) Option {
	return func(mw *middleware) {
		if respond != nil {
			mw.onError = respond
		}
	}
}
