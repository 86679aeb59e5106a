package httpwriter

import (
	"net/http"
	"time"
)

// Abort breaks off a response that has begun, so that the client does not take it for a whole one. It sets a write
// deadline in the past, which also works over HTTP/2, and below a recovery middleware that would swallow a panic. If w
// has no write deadline, Abort panics with http.ErrAbortHandler.
func Abort(w http.ResponseWriter) {
	if http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) != nil {
		panic(http.ErrAbortHandler)
	}
}
