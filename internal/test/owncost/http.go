package owncost

import (
	"net/http"
	"net/http/httptest"
	"strings"
)

// Request makes the same request to h again and again, with a response writer that costs next to
// nothing.
func Request(h http.Handler, cookie string) func() {
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := discard{}
	return func() {
		clear(w)
		h.ServeHTTP(w, r)
	}
}

// Cookie returns the cookie that h sets, as a request carries it; "" if there is none.
func Cookie(h http.Handler) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return cookie
}

// discard is a response writer that keeps its header only.
type discard http.Header

func (w discard) Header() http.Header         { return http.Header(w) }
func (w discard) Write(p []byte) (int, error) { return len(p), nil }
func (w discard) WriteHeader(int)             {}
