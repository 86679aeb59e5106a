package echosession

import "github.com/labstack/echo/v4"

// Option is a setting of New.
type Option func(*middleware)

// WithSkip gives requests for which skip, a middleware.Skipper for instance, returns true no
// session: for them it is as if the middleware were not there. Default: none are skipped.
func WithSkip(skip func(c echo.Context) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithErrorHandler makes the error that HTTPErrorHandler gets when a session could not be loaded
// (Handle) or stored. core.HTTPStatus(err) is the status to send; err itself is for logs only. It may
// also send the response itself and return nil. With core.ErrEnded, a redirect to the page to sign in
// may be better. Cache-Control: no-store and, where trying again may help, Retry-After are set already,
// and what the handler put into the header is gone. Default: an *echo.HTTPError with the status, its
// text, and err as Internal.
func WithErrorHandler(handle func(c echo.Context, err error) error) Option {
	return func(mw *middleware) {
		if handle != nil {
			mw.onError = handle
		}
	}
}
