package echosession

import (
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/labstack/echo/v4"
)

// Option is a setting of New.
type Option func(*middleware)

// WithSkip turns the middleware off for requests for which skip, such as a middleware.Skipper, returns true: they get
// no session. Default: none are skipped.
func WithSkip(skip func(c echo.Context) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithPassive marks requests for which passive returns true as passive: polls and health pages. They read the session
// and extend nothing. What they write is stored, and moves neither the deadline nor the last use. Default: none are
// passive.
func WithPassive(passive func(c echo.Context) bool) Option {
	return func(mw *middleware) { mw.passive = passive }
}

// WithLoginHandler makes handle answer the requests that RequireLogin and RequireFresh stop. ch is the answer that they
// would give: ch.Apply sets its header. Default: that answer; a 401 is an *echo.HTTPError.
func WithLoginHandler(handle func(c echo.Context, ch core.Challenge) error) Option {
	return func(mw *middleware) { mw.onLogin = handle }
}

// WithErrorHandler makes handle choose the error that HTTPErrorHandler gets when a session could not be loaded (Handle)
// or stored, and when a handler returns an error of core as it is: an outage that Manager.Sessions met. Use the status
// core.HTTPStatus(err); err itself is for logs only. handle may also send the response and return nil. For
// core.ErrEnded, a redirect to the sign-in page may be better. The header fields that the handler set are gone.
// Cache-Control: no-store is set already, and Retry-After where a retry may help: delete that for a redirect. Default:
// an *echo.HTTPError with the status, its text, and err as Internal.
func WithErrorHandler(handle func(c echo.Context, err error) error) Option {
	return func(mw *middleware) {
		if handle != nil {
			mw.onError = handle
		}
	}
}
