package fibersession

import "github.com/gofiber/fiber/v2"

// Option is a setting of New.
type Option func(*middleware)

// WithSkip gives requests for which skip returns true no session: for them it is as if the middleware were not there.
// Fiber's own middleware calls this Next. Default: none are skipped.
func WithSkip(skip func(c *fiber.Ctx) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithErrorHandler makes the error that the application's ErrorHandler gets when a session could not be
// loaded (Handle) or stored. core.HTTPStatus(err) is the status to send; err itself is for logs only. It
// may also make the response itself and return nil. With core.ErrEnded, a redirect to the page to sign
// in may be better. Cache-Control: no-store and, where trying again may help, Retry-After are set
// already, and what the handler put into the response is gone. Default: an error in which errors.As
// finds a *fiber.Error with the status and its text, and errors.Is what went wrong; for Handle, what a
// middleware outside was given.
func WithErrorHandler(handle func(c *fiber.Ctx, err error) error) Option {
	return func(mw *middleware) {
		if handle != nil {
			mw.onError, mw.custom = handle, true
		}
	}
}
