package routers

import (
	"fmt"
	"log"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// chiRoutes is a router with chi's own middleware outside the session and inside.
func chiRoutes(outside, inside []chain) func(*core.Manager) http.Handler {
	return func(m *core.Manager) http.Handler {
		r := chi.NewRouter()
		r.Use(outside...)
		r.Use(httpsession.New(m))
		r.Use(inside...)
		r.NotFound(missing(http.StatusNotFound))
		r.MethodNotAllowed(missing(http.StatusMethodNotAllowed))
		r.Get("/", count)
		r.Get("/panic", panics)
		r.Get("/slow", slow)
		r.Get("/sign-in", httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) { _ = s.Login("alice") }))
		r.Route("/users/{user}", func(r chi.Router) {
			r.Get("/", param)
			r.Get("/items/{item}", param)
		})
		admin := chi.NewRouter()
		admin.Get("/items/{item}", param)
		r.Mount("/admin", admin)
		r.Group(func(r chi.Router) {
			r.Use(httpsession.RequireLogin)
			r.Get("/devices/{item}", param)
		})
		return r
	}
}

type chain = func(http.Handler) http.Handler

var param = httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = visits.Update(s, func(n int) int { return n + 1 })
	_, _ = fmt.Fprintf(w, "%s %s %s %d", r.Pattern, chi.URLParam(r, "user"), chi.URLParam(r, "item"), visits.GetOr(s, 0))
})

func TestChi(t *testing.T) {
	s := start(t, chiRoutes(nil, nil), false)
	s.do("GET", "/").is(t, 200, "visit 1").setsCookie(t, true)
	s.do("GET", "/users/bob").is(t, 200, "/users/{user} bob  2").setsCookie(t, false)
	s.do("GET", "/users/bob/items/7").is(t, 200, "/users/{user}/items/{item} bob 7 3")
	s.do("GET", "/admin/items/7").is(t, 200, "/admin/items/{item}  7 4")
	s.do("GET", "/nowhere").is(t, 404, "visits 4")
	s.do("GET", "/admin/nowhere").is(t, 404, "visits 4")
	s.do("POST", "/users/bob/items/7").is(t, 405, "visits 4")
	a := s.do("GET", "/devices/7", "Accept", "text/html")
	if want := "/sign-in?next=" + url.QueryEscape("/devices/7"); a.StatusCode != 303 || a.Header.Get("Location") != want {
		t.Errorf("%d to %q, want %q", a.StatusCode, a.Header.Get("Location"), want)
	}
	s.do("GET", "/sign-in").setsCookie(t, true)
	s.do("GET", "/devices/7").is(t, 200, "/devices/{item}  7 5")
}

// chi's own middleware, outside the session and inside: RequestID, Logger, Recoverer, Timeout and Compress.
func TestChiMiddleware(t *testing.T) {
	stack := func(out *lines) []chain {
		return []chain{
			middleware.RequestID,
			middleware.RequestLogger(&middleware.DefaultLogFormatter{Logger: log.New(out, "", 0), NoColor: true}),
			middleware.Recoverer,
			middleware.Timeout(3 * time.Second), // for busy machines: only /slow takes so long
			middleware.Compress(5),
		}
	}
	for _, place := range []string{"outside", "inside"} {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %t", place, http2), func(t *testing.T) {
				t.Parallel()
				out := &lines{}
				build := chiRoutes(stack(out), nil)
				if place == "inside" {
					build = chiRoutes(nil, stack(out))
				}
				s := start(t, build, http2)
				s.do("GET", "/").is(t, 200, "visit 1").setsCookie(t, true) // the client takes gzip
				s.do("GET", "/").is(t, 200, "visit 2")
				s.do("GET", "/nowhere").is(t, 404, "visits 2")

				s.store.Reset()
				if a := s.do("GET", "/panic").setsCookie(t, false); a.StatusCode != 500 {
					t.Errorf("after a panic: %d", a.StatusCode)
				}
				a := s.do("GET", "/slow").setsCookie(t, false)
				if want := map[string]int{"outside": 503, "inside": 504}[place]; a.StatusCode != want {
					t.Errorf("after the time limit: %d, want %d", a.StatusCode, want)
				}
				s.calls(2) // two Loads: neither request was stored

				s.store.Before(storetest.On("Update"))
				s.do("GET", "/").is(t, 503, "Service Unavailable")
				s.store.Reset()
				s.do("GET", "/").is(t, 200, "visit 3")

				// A logger inside sees what the handler meant to send: mount loggers outside.
				refused := strings.Count(out.String(), " - 503 ")
				if want := map[string]int{"outside": 2, "inside": 0}[place]; refused != want {
					t.Errorf("the log has %d times 503, want %d:\n%s", refused, want, out)
				}
			})
		}
	}
}

// Group and Route take the middleware, too. A subrouter that has it also runs it for its unknown paths.
func TestChiSessionInAPart(t *testing.T) {
	s := start(t, func(m *core.Manager) http.Handler {
		r := chi.NewRouter()
		r.NotFound(missing(http.StatusNotFound))
		r.Get("/plain", missing(200))
		r.Route("/shop", func(r chi.Router) {
			r.Use(httpsession.New(m))
			r.Get("/", count)
		})
		r.Group(func(r chi.Router) {
			r.Use(httpsession.New(m))
			r.Get("/grouped", count)
		})
		return r
	}, false)
	s.do("GET", "/shop").is(t, 200, "visit 1")
	s.do("GET", "/grouped").is(t, 200, "visit 2")
	s.do("GET", "/shop/nowhere").is(t, 404, "visits 2")
	s.do("GET", "/nowhere").is(t, 404, "no session")
	s.do("GET", "/plain").is(t, 200, "no session")
}
