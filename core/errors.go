package core

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	// ErrNoSession: the request did not pass through an adapter's middleware.
	ErrNoSession = errors.New("coatcheck: no session in this context: is the session middleware mounted, and not skipped for this request?")

	// ErrClosed: the request that the session belonged to is over, or its save failed.
	ErrClosed = errors.New("coatcheck: session used after its request was over")

	// ErrReadOnly: sessions that Manager.Sessions and Manager.All yield cannot be changed.
	ErrReadOnly = errors.New("coatcheck: this session is a view and cannot be changed")

	// ErrHeaderSent: the change needs a new cookie (a new session, Login,
	// RotateID) and the response's header has left already. It was not made.
	ErrHeaderSent = errors.New("coatcheck: session changed after the response header was sent, and the change needs a cookie")

	// ErrEnded: another request rotated, ended or revoked the session, or it
	// expired, while this one was under way. The changes were dropped.
	ErrEnded = errors.New("coatcheck: session was ended while the request was under way")

	// ErrNoValue: the session has no value under this key.
	ErrNoValue = errors.New("coatcheck: no value under this key")

	// ErrFormat: a newer release wrote the record. It is left as it is.
	ErrFormat = errors.New("coatcheck: session was written by a newer release")
)

// What stores answer, so that applications need not import package driver.
var (
	ErrNotFound    = driver.ErrNotFound
	ErrConflict    = driver.ErrConflict
	ErrTooLarge    = driver.ErrTooLarge
	ErrCorrupt     = driver.ErrCorrupt
	ErrUnavailable = driver.ErrUnavailable
)

// ValueError says that one value could not be encoded or decoded. Its text never
// holds the value; that of Err may.
type ValueError struct {
	Key  string // the key's name
	Type string // the Go type asked for
	Op   string // "encode" or "decode"
	Err  error  // what the Codec said
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("coatcheck: %s key %q as %s: %T", e.Op, e.Key, e.Type, e.Err)
}

func (e *ValueError) Unwrap() error { return e.Err }

// HTTPStatus is the status that answers err: 503 where trying again may help
// (the store is down, or too many requests changed one session at once), and 500
// for what is wrong in the application itself (a value that cannot be encoded,
// a session that is too large).
func HTTPStatus(err error) int {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrConflict) || errors.Is(err, ErrFormat) {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// RetryAfter is the value of the Retry-After header that goes with a 503, in seconds.
const RetryAfter = "5"
