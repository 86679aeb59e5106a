package httpsession

import (
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/httpwriter"
)

// RequireLogin is a middleware for handlers that need a signed-in user. A browser without one is redirected to
// core.Config.LoginURL, with the way back in the parameter "next" (core.LocalPath); scripts and API clients get a 401:
// see core.Challenge. A visitor gets no session by that. If the store cannot answer, the client gets a 503. Mount it
// inside New.
func RequireLogin(next http.Handler) http.Handler { return require(0, next) }

// RequireFresh is RequireLogin for what needs a recent sign-in, such as a change of the password: who signed in more
// than d ago has to do it again. It panics if d is not positive.
func RequireFresh(d time.Duration) func(http.Handler) http.Handler {
	if d <= 0 {
		panic("httpsession: RequireFresh: d must be positive")
	}
	return func(next http.Handler) http.Handler { return require(d, next) }
}

func require(d time.Duration, next http.Handler) http.Handler {
	return Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		if s.Fresh(d) {
			next.ServeHTTP(w, r)
			return
		}
		ch := s.Challenge(httpwriter.Asked(r, d))
		if e, ok := httpwriter.InnermostOwner[*exchange](r.Context()); ok && e.mw.onLogin != nil {
			e.mw.onLogin(w, r, ch)
			return
		}
		ch.Apply(w.Header())
		if ch.Status == http.StatusUnauthorized {
			http.Error(w, http.StatusText(ch.Status), ch.Status)
			return
		}
		w.WriteHeader(ch.Status)
	})
}
