package routers

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gorilla/mux"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

func gorillaRoutes() *mux.Router {
	r := mux.NewRouter().StrictSlash(true)
	r.NotFoundHandler = missing(http.StatusNotFound)
	r.MethodNotAllowedHandler = missing(http.StatusMethodNotAllowed)
	r.Handle("/", count).Methods("GET")
	r.Handle("/folder/", count)
	users := r.PathPrefix("/users/{user}").Subrouter()
	users.Handle("/items/{item}", httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		_, _ = fmt.Fprint(w, mux.Vars(r)["user"], " ", mux.Vars(r)["item"], " ", visits.GetOr(s, 0))
	})).Methods("GET")
	return r
}

// Router.Use runs middleware for matched routes only. So the pages for unknown paths and methods have no session,
// unless the middleware stands around the router.
func TestGorilla(t *testing.T) {
	for _, c := range []struct {
		name    string
		build   func(*core.Manager) http.Handler
		missing string
	}{
		{"Use", func(m *core.Manager) http.Handler { r := gorillaRoutes(); r.Use(httpsession.New(m)); return r }, "no session"},
		{"around", func(m *core.Manager) http.Handler { return httpsession.New(m)(gorillaRoutes()) }, "visits 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, c.build, false)
			s.do("GET", "/").is(t, 200, "visit 1").setsCookie(t, true)
			s.do("GET", "/users/bob/items/7").is(t, 200, "bob 7 2").setsCookie(t, false)
			s.do("GET", "/nowhere").is(t, 404, c.missing)
			s.do("POST", "/").is(t, 405, c.missing)
			s.do("GET", "/users/bob/nowhere").is(t, 404, c.missing)
			s.store.Reset()
			a := s.do("GET", "/folder").setsCookie(t, false)
			if a.StatusCode != 301 || a.Header.Get("Location") != "/folder/" || a.Header.Get("Vary") != "" {
				t.Errorf("StrictSlash: %d %v", a.StatusCode, a.Header)
			}
			s.calls(0)
		})
	}
}
