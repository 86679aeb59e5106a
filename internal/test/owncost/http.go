package owncost

import (
	"net/http"
	"net/http/httptest"
	"strings"
)

// Request returns a function that sends the same request to h each time. Its response writer costs almost nothing.
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

// Cookie returns the cookie that h sets, as a request carries it, or "" if h sets none.
func Cookie(h http.Handler) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	cookie, _, _ := strings.Cut(w.Header().Get("Set-Cookie"), ";")
	return cookie
}

// discard is a response writer that keeps only the header.
type discard http.Header

func (w discard) Header() http.Header         { return http.Header(w) }
func (w discard) Write(p []byte) (int, error) { return len(p), nil }
func (w discard) WriteHeader(int)             {}
