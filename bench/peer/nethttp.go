package peer

import (
	"io"
	"net/http"
)

// httpCall is what net/http gives a handler.
type httpCall struct {
	w http.ResponseWriter
	r *http.Request
}

var bareHTTP = App{Module: "std", Framework: "net/http", New: func(Env) (*Running, error) {
	return onHTTP(nothing[httpCall](), alone[httpCall], nil), nil
}}

// onHTTP serves the routes of l with http.ServeMux. open makes a handler of one that takes a
// session; middleware may be nil.
func onHTTP[S any](l library[httpCall, S], open func(func(httpCall, S)) func(httpCall), middleware func(http.Handler) http.Handler) *Running {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Untouched, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	for path, use := range l.uses(func(c httpCall) string { return c.r.FormValue("key") }) {
		answer := httpText
		if path == Stream {
			answer = httpStream
		}
		h := open(func(c httpCall, s S) {
			text, err := use(c, s)
			if err != nil {
				http.Error(c.w, "not saved", http.StatusInternalServerError)
				return
			}
			answer(c.w, text)
		})
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { h(httpCall{w, r}) })
	}
	running := &Running{HTTP: mux, Close: func() {}}
	if middleware != nil {
		running.HTTP = middleware(mux)
	}
	return running
}

func httpText(w http.ResponseWriter, text string) { _, _ = io.WriteString(w, text) }

func httpStream(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text[:1])
	_ = http.NewResponseController(w).Flush()
	_, _ = io.WriteString(w, text[1:])
}
