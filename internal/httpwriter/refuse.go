package httpwriter

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Refuse puts into h what goes with an answer to err, whatever it looks like: nobody may
// store it, and after an outage the client may try again. It returns the status.
func Refuse(h http.Header, err error) int {
	status := core.HTTPStatus(err)
	h["Cache-Control"] = []string{"no-store"}
	if status == http.StatusServiceUnavailable {
		h["Retry-After"] = []string{core.RetryAfter}
	}
	return status
}
