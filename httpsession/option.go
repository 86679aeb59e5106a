package httpsession

import "net/http"

// Option is a setting of New.
type Option func(*middleware)

// WithSkip gives requests for which skip returns true no session: for them it is as if
// the middleware were not there. Default: none are skipped.
func WithSkip(skip func(r *http.Request) bool) Option {
	return func(mw *middleware) { mw.skip = skip }
}

// WithErrorHandler answers in place of a handler whose session could not be loaded (Handle) or stored.
// core.HTTPStatus(err) is the status to send; err itself is for logs only. With core.ErrEnded, a
// redirect to the page to sign in may be better. Cache-Control: no-store and, where trying again may
// help, Retry-After are set already, and what the handler put into the header is gone. Default: the
// status and its text.
func WithErrorHandler(respond func(w http.ResponseWriter, r *http.Request, err error)) Option {
	return func(mw *middleware) {
		if respond != nil {
			mw.onError = respond
		}
	}
}
