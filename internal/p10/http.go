package p10

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// HTTP is Own for handlers, with a response writer that costs next to nothing. cookie
// goes with each request unless it is "".
func HTTP(b *testing.B, bare, with http.Handler, cookie string) {
	b.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := discard{}
	call := func(h http.Handler) func() {
		return func() {
			clear(w)
			h.ServeHTTP(w, r)
		}
	}
	Own(b, call(bare), call(with))
}

// discard is a response writer that keeps its header only.
type discard http.Header

func (w discard) Header() http.Header         { return http.Header(w) }
func (w discard) Write(p []byte) (int, error) { return len(p), nil }
func (w discard) WriteHeader(int)             {}
