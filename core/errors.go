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

	// ErrHeaderSent: the change needs a new cookie (a new session, Login, RotateID), and the response's header has
	// left already. The change was not made.
	ErrHeaderSent = errors.New("coatcheck: session changed after the response header was sent, and the change needs a cookie")

	// ErrEnded: the session was ended while this request was under way: by a Login, a Logout or Revoke of another
	// request, or by its deadline. Or the request came with a token that had just been replaced, or Refresh found that it
	// was. The changes were dropped. Manager.Change and Manager.Session return it for an ID that no live session has.
	ErrEnded = errors.New("coatcheck: the session has ended, by another request or at its deadline")

	// ErrNoValue: the session has no value under this key.
	ErrNoValue = errors.New("coatcheck: no value under this key")

	// ErrRefused: the function of a TryUpdate refused when it ran again, after another request had changed the value.
	// Nothing of the request was stored. The error also matches what the function returned.
	ErrRefused = errors.New("coatcheck: an Update was refused after another request had changed its value")

	// ErrCrowded: the request carries more cookies of the session's name than we could have set. It can read, as an
	// anonymous request, and change nothing.
	ErrCrowded = errors.New("coatcheck: the request carries too many cookies of the session's name; delete this site's cookies")

	// errLate is the ErrEnded of a request that may be sent again: the client has a newer token by now.
	errLate = fmt.Errorf("%w: it came with a former token", ErrEnded)
)

// The errors of stores, so that applications need not import package driver.
var (
	ErrNotFound    = driver.ErrNotFound
	ErrConflict    = driver.ErrConflict
	ErrTooLarge    = driver.ErrTooLarge
	ErrCorrupt     = driver.ErrCorrupt
	ErrUnavailable = driver.ErrUnavailable

	// ErrTooManySessions: the user has Config.MaxPerSubject sessions, and WhenFull is RefuseNew. The sign-in was not
	// stored, and the request still has the session that it came with.
	ErrTooManySessions = driver.ErrLimit

	// ErrUnreadable: the session's record is whole, but this process cannot read it. A newer release wrote it, or it
	// names a codec or a key that is not configured here. It is left as it is.
	ErrUnreadable = driver.ErrUnreadable

	// ErrIncomplete: the store's list of a user may lack sessions that are alive, and the store cannot tell
	// (memcached). All sessions in the list were dealt with. Trying again does not help, so HTTPStatus says 500: look
	// for this error first.
	ErrIncomplete = driver.ErrIncomplete
)

// ValueError says that one value could not be encoded or decoded. Its text never holds the value; the text of Err
// may.
type ValueError struct {
	Key  string // the key's name
	Type string // the Go type asked for
	Op   string // "encode" or "decode"
	Err  error  // what the Codec said
}

func (e *ValueError) Error() string {
	var loss lossError
	if errors.As(e.Err, &loss) {
		return fmt.Sprintf("coatcheck: %s key %q as %s: %s", e.Op, e.Key, e.Type, loss)
	}
	return fmt.Sprintf("coatcheck: %s key %q as %s: %T", e.Op, e.Key, e.Type, e.Err)
}

func (e *ValueError) Unwrap() error { return e.Err }

// HTTPStatus is the status with which to answer err. 503: trying again may help (the store is down, too many requests
// changed one session at once, or this server cannot read the record yet). 409: the page has to be requested again,
// since the session was ended meanwhile, or a TryUpdate was refused after another request. 403: the user is signed in
// too often. 400: too many cookies. 404 and 501: ErrNotFound and errors.ErrUnsupported of administration. 500: everything
// else, which is wrong in the application itself (a value that cannot be encoded, a session that is too large), or is
// ErrIncomplete.
func HTTPStatus(err error) int {
	switch {
	case errors.Is(err, ErrRefused): // first, since it also matches the application's own error
		return http.StatusConflict
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrConflict), errors.Is(err, ErrUnreadable):
		return http.StatusServiceUnavailable
	case errors.Is(err, ErrEnded):
		return http.StatusConflict
	case errors.Is(err, ErrTooManySessions):
		return http.StatusForbidden
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, errors.ErrUnsupported):
		return http.StatusNotImplemented
	case errors.Is(err, ErrCrowded):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// RetryAfter is the value of the Retry-After header for err, in seconds; "" for no header.
func RetryAfter(err error) string {
	switch {
	case errors.Is(err, ErrRefused):
		return ""
	case HTTPStatus(err) == http.StatusServiceUnavailable:
		return "5"
	case errors.Is(err, errLate):
		return "1"
	}
	return ""
}
