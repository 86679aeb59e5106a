package httpwriter

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Refuse puts into h what goes with an answer to err, whatever it looks like: nobody may
// store it, and where trying again may help it says when. It returns the status.
func Refuse(h http.Header, err error) int {
	status := core.HTTPStatus(err)
	h["Cache-Control"] = []string{"no-store"}
	if after := core.RetryAfter(err); after != "" {
		h["Retry-After"] = []string{after}
	}
	return status
}
