package httpsession

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// Handle makes a handler that loads the session and then runs h. If the store cannot answer, h does not run and the
// client gets a 503. Without the middleware the client gets a 500. If a request has several sessions, h gets that of
// the innermost middleware. Handle panics if h is nil.
func Handle(h func(w http.ResponseWriter, r *http.Request, s *core.Session)) http.HandlerFunc {
	if h == nil {
		panic("httpsession: Handle: the handler is nil")
	}
	return func(w http.ResponseWriter, r *http.Request) {
		s, err := Get(r)
		if err != nil {
			fail(w, r, err)
			return
		}
		h(w, r, s)
	}
}

// Get returns the session of r, and loads it at the first call. core.ErrNoSession: the middleware is not mounted, or it
// skipped this request. core.ErrUnavailable: the store cannot answer; stop, and answer with core.HTTPStatus(err) and
// core.RetryAfter(err). The session is never nil. After an error its methods return that error, except that Login and
// Logout work after core.ErrUnreadable.
func Get(r *http.Request) (*core.Session, error) { return core.FromContext(r.Context()) }

// fail answers r with the error handler of its middleware.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	httpwriter.Refuse(w.Header(), err)
	if e, ok := httpwriter.InnermostOwner[*exchange](r.Context()); ok {
		e.mw.onError(w, r, err)
		return
	}
	httpwriter.Unmounted("httpsession", err)
	respond(w, r, err)
}

// respond sends the status and its text only. core has logged err.
func respond(w http.ResponseWriter, _ *http.Request, err error) {
	status := core.HTTPStatus(err)
	http.Error(w, http.StatusText(status), status)
}
