package httpwriter

import (
	"net/http"
	"time"
)

// Abort ends the connection of a response that has begun, so that the client does not take what it has for all of it.
// A write deadline in the past does that also where a recovery middleware swallows the panic which net/http
// has for it, and over HTTP/2. Where w has none, it panics.
func Abort(w http.ResponseWriter) {
	if http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) != nil {
		panic(http.ErrAbortHandler)
	}
}
