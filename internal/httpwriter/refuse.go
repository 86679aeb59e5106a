package httpwriter

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Refuse sets the headers that every answer to err needs: no cache may store it, and Retry-After says when to try
// again, if that may help. It returns the status.
func Refuse(h http.Header, err error) int {
	status := core.HTTPStatus(err)
	h["Cache-Control"] = []string{"no-store"}
	if after := core.RetryAfter(err); after != "" {
		h["Retry-After"] = []string{after}
	}
	return status
}
