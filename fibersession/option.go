package fibersession

import (
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/gofiber/fiber/v2"
)

// Option is a setting of New.
type Option func(*middleware)

// WithSkip turns the middleware off for requests for which skip returns true: they get no session. Fiber's own
// middleware calls this option Next. Default: none are skipped.
func WithSkip(skip func(c *fiber.Ctx) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithPassive marks requests for which passive returns true as passive: polls and health pages. They read the session
// and extend nothing. What they write is stored, and moves neither the deadline nor the last use. Default: none are
// passive.
func WithPassive(passive func(c *fiber.Ctx) bool) Option {
	return func(mw *middleware) { mw.passive = passive }
}

// WithLoginHandler makes handle answer the requests that RequireLogin and RequireFresh stop. ch is the answer that they
// would give: ch.Apply(Header(c)) sets its header. Default: that answer; a 401 is a *fiber.Error.
func WithLoginHandler(handle func(c *fiber.Ctx, ch core.Challenge) error) Option {
	return func(mw *middleware) { mw.onLogin, mw.custom = handle, true }
}

// WithErrorHandler makes handle choose the error that the application's ErrorHandler gets when a session could not be
// loaded (Handle) or stored, and when a handler returns an error of core as it is: an outage that Manager.Sessions met.
// Use the status core.HTTPStatus(err); err itself is for logs only. handle may also make the response and return nil.
// For core.ErrEnded, a redirect to the sign-in page may be better. What the handler put into the response is gone.
// Cache-Control: no-store is set already, and Retry-After where a retry may help: delete that for a redirect. Default:
// an error in which errors.As finds a *fiber.Error with the status and its text, and errors.Is finds the cause. For
// Handle, the default is the error handler of an outer middleware, if it has one.
func WithErrorHandler(handle func(c *fiber.Ctx, err error) error) Option {
	return func(mw *middleware) {
		if handle != nil {
			mw.onError, mw.custom = handle, true
		}
	}
}
