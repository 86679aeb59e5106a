package echov5session

import "github.com/labstack/echo/v5"

// Option is a setting of New.
type Option func(*middleware)

// WithSkip turns the middleware off for requests for which skip, such as a middleware.Skipper, returns true: they get
// no session. Default: none are skipped.
func WithSkip(skip func(c *echo.Context) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithErrorHandler makes handle choose the error that HTTPErrorHandler gets when a session could not be loaded (Handle)
// or stored. Use the status core.HTTPStatus(err); err itself is for logs only. handle may also send the response and
// return nil. For core.ErrEnded, a redirect to the sign-in page may be better. The header fields that the handler set
// are gone. Cache-Control: no-store is set already, and Retry-After where a retry may help. Default: an *echo.HTTPError
// with the status and its text, which wraps err.
func WithErrorHandler(handle func(c *echo.Context, err error) error) Option {
	return func(mw *middleware) {
		if handle != nil {
			mw.onError = handle
		}
	}
}
