package ownadapter

import (
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
)

// Option is a setting of New. The names are those of all adapters.
type Option func(*middleware)

// WithSkip turns the middleware off for requests for which skip returns true: they get no session. Default: none.
func WithSkip(skip func(c *fasthttp.RequestCtx) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithPassive marks requests that read the session and extend nothing: polls and health pages. Default: none.
func WithPassive(passive func(c *fasthttp.RequestCtx) bool) Option {
	return func(mw *middleware) { mw.passive = passive }
}

// WithErrorHandler makes handle answer when a session could not be loaded or stored. What the handler put into the
// response is gone. Cache-Control and Retry-After are set. Use the status core.HTTPStatus(err); err itself is for logs.
// Default: the status and its text.
func WithErrorHandler(handle func(c *fasthttp.RequestCtx, err error)) Option {
	return func(mw *middleware) {
		if handle != nil {
			mw.onError = handle
		}
	}
}

// WithLoginHandler makes handle answer the requests that RequireLogin and RequireFresh stop. ch is the answer that they
// would give. Default: that answer.
func WithLoginHandler(handle func(c *fasthttp.RequestCtx, ch core.Challenge)) Option {
	return func(mw *middleware) { mw.onLogin = handle }
}
