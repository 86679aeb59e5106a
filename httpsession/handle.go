package httpsession

import (
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// Handle makes a handler of h, for which the session is loaded before it runs. If the
// store cannot answer, h does not run and the client gets a 503. Without the
// middleware the client gets a 500. Of several sessions it is the innermost middleware's.
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

// Get returns the session of r, and loads it if need be. core.ErrNoSession: there is no
// middleware, or it was skipped. core.ErrUnavailable: the store cannot answer; stop, and
// answer with core.HTTPStatus(err) and core.RetryAfter(err). The session is never nil; after an error its
// methods return that error, but for Login and Logout where it is core.ErrUnreadable.
func Get(r *http.Request) (*core.Session, error) { return core.FromContext(r.Context()) }

// fail answers r with the error handler of its middleware.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	httpwriter.Refuse(w.Header(), err)
	if e, ok := httpwriter.InnermostOwner[*exchange](r.Context()); ok {
		e.mw.onError(w, r, err)
		return
	}
	respond(w, r, err)
}

// respond says no more than the status: err is for the log, where core has put it.
func respond(w http.ResponseWriter, _ *http.Request, err error) {
	status := core.HTTPStatus(err)
	http.Error(w, http.StatusText(status), status)
}
