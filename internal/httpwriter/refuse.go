package httpwriter

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
)

// Unmounted logs the error of a handler that has no session: its adapter has no manager, and so no other Logger. A
// session that another adapter began has logged what is wrong with it.
func Unmounted(adapter string, err error) {
	if errors.Is(err, core.ErrNoSession) {
		slog.Error(adapter + ": " + err.Error())
	}
}

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
