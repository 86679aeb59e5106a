package routers

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

// where answers with what the mux found, and counts.
var where = httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_ = visits.Update(s, func(n int) int { return n + 1 })
	_, _ = fmt.Fprintf(w, "%s %s%s %d", r.URL.Path, r.PathValue("id"), r.PathValue("rest"), visits.GetOr(s, 0))
})

func serveMux(log *outerLog) func(*core.Manager) http.Handler {
	return func(m *core.Manager) http.Handler {
		session := httpsession.New(m)
		api := http.NewServeMux()
		api.Handle("GET /items/{id}", where)
		api.Handle("GET /devices", httpsession.RequireLogin(where))
		mux := http.NewServeMux()
		mux.Handle("GET /{$}", where)
		mux.Handle("GET /items/{id}", where)
		mux.Handle("DELETE /items/{id}", where)
		mux.Handle("GET /files/{rest...}", where)
		mux.Handle("GET shop.example/items/{id}", where)
		mux.Handle("/folder/", where)
		mux.Handle("/api/", http.StripPrefix("/api", api))
		mux.Handle("GET /panic", panics)
		return log.middleware(adaptertest.Recover(session(mux)))
	}
}

func TestServeMux(t *testing.T) {
	log := &outerLog{}
	s := start(t, serveMux(log), false)
	n := 0
	for _, c := range []struct{ method, path, host, body, pattern string }{
		{"GET", "/", "", "/ ", "GET /{$}"},
		{"GET", "/items/a%2Fb", "", "/items/a/b a/b", "GET /items/{id}"},
		{"DELETE", "/items/7", "", "/items/7 7", "DELETE /items/{id}"},
		{"GET", "/files/a/b", "", "/files/a/b a/b", "GET /files/{rest...}"},
		{"GET", "/items/7", "shop.example:8080", "/items/7 7", "GET shop.example/items/{id}"},
		{"PURGE", "/folder/x", "", "/folder/x ", "/folder/"},
		{"GET", "/api/items/7", "", "/items/7 7", "/api/"}, // StripPrefix makes a request of its own
	} {
		n++
		s.do(c.method, c.path, "Host", c.host).is(t, 200, fmt.Sprintf("%s %d", c.body, n)).setsCookie(t, n == 1)
		if log.last() != c.pattern {
			t.Errorf("%s %s: the logger outside saw the pattern %q, want %q", c.method, c.path, log.last(), c.pattern)
		}
	}
}

// What the mux answers itself costs no call of the store and says nothing about a session.
func TestServeMuxAnswersItself(t *testing.T) {
	log := &outerLog{}
	s := start(t, serveMux(log), false)
	s.do("GET", "/")
	s.store.Reset()
	for _, c := range []struct {
		method, path string
		status       int
		name, value  string
	}{
		{"POST", "/items/7", 405, "Allow", "DELETE, GET, HEAD"},
		{"GET", "/nowhere", 404, "", ""},
		{"GET", "/folder", 307, "Location", "/folder/"},
	} {
		a := s.do(c.method, c.path).setsCookie(t, false)
		if a.StatusCode/100 == 3 {
			a.StatusCode = 307 // 301 before Go 1.26
		}
		if a.StatusCode != c.status || a.Header.Get("Vary") != "" || c.name != "" && a.Header.Get(c.name) != c.value {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.StatusCode, a.Header)
		}
	}
	s.calls(0)
}

func TestServeMuxPatternAfterAPanic(t *testing.T) {
	log := &outerLog{}
	s := start(t, serveMux(log), false)
	s.do("GET", "/panic").is(t, 500, "Internal Server Error").setsCookie(t, false)
	if log.last() != "GET /panic" {
		t.Errorf("the logger outside saw the pattern %q", log.last())
	}
	s.calls(0)
}

// StripPrefix shortens the path of the request, and not the way back.
func TestRequireLoginUnderStripPrefix(t *testing.T) {
	s := start(t, serveMux(&outerLog{}), false)
	a := s.do("GET", "/api/devices?page=2", "Accept", "text/html").setsCookie(t, false)
	if want := "/sign-in?next=" + url.QueryEscape("/api/devices?page=2"); a.StatusCode != 303 || a.Header.Get("Location") != want {
		t.Errorf("%d to %q, want 303 to %q", a.StatusCode, a.Header.Get("Location"), want)
	}
}

// The middleware may also stand inside the mux, around a part of it.
func TestSessionInsideServeMux(t *testing.T) {
	log := &outerLog{}
	s := start(t, func(m *core.Manager) http.Handler {
		inner := http.NewServeMux()
		inner.Handle("GET /items/{id}", where)
		mux := http.NewServeMux()
		mux.Handle("/shop/", http.StripPrefix("/shop", httpsession.New(m)(inner)))
		mux.Handle("GET /plain", missing(200))
		return log.middleware(mux)
	}, false)
	s.do("GET", "/shop/items/7").is(t, 200, "/items/7 7 1").setsCookie(t, true)
	s.do("GET", "/shop/items/7").is(t, 200, "/items/7 7 2")
	s.do("GET", "/plain").is(t, 200, "no session")
	if log.last() != "GET /plain" {
		t.Errorf("pattern %q", log.last())
	}
}
