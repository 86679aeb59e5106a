package adopt_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gorilla/securecookie"

	"github.com/coatcheck-go/coatcheck/core"
)

// request does what an adapter does for a request. It returns the response's cookies.
func request(m *core.Manager, cookie string, handler func(*core.Session)) (lines []string) {
	x := m.Adapter().Begin(context.Background(), http.Header{"Cookie": {cookie}})
	s, err := x.Session(x.Context())
	if err != nil {
		log.Fatal(err)
	}
	handler(s)
	out, err := x.Commit(x.Context(), http.StatusOK)
	if err != nil {
		log.Fatal(err)
	}
	_ = x.Finish(x.Context())
	for name, value := range out.Lines() {
		if name != "Set-Cookie" {
			continue
		}
		if strings.HasPrefix(value, "__Host-session=") {
			value = "__Host-session=(a token)"
		}
		lines = append(lines, value)
	}
	return lines
}

// signIn returns the cookie of a new session of ours.
func signIn(m *core.Manager, user string) string {
	x := m.Adapter().Begin(context.Background(), nil)
	s, err := x.Session(x.Context())
	if err != nil {
		log.Fatal(err)
	}
	_ = s.Login(user)
	out, err := x.Commit(x.Context(), http.StatusOK)
	if err != nil {
		log.Fatal(err)
	}
	_ = x.Finish(x.Context())
	cookie, _, _ := strings.Cut(out.Value, ";")
	return cookie
}

// post returns the body of the answer.
func post(h http.Handler, cookie string) string {
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Cookie", cookie)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

// oldCookie is what a browser has from gorilla/sessions.
func oldCookie(name string, what any) string {
	text, err := securecookie.EncodeMulti(name, what, securecookie.CodecsFromPairs(hashKey, blockKey)...)
	if err != nil {
		log.Fatal(err)
	}
	return name + "=" + text
}

// scsRecord is what scs.GobCodec makes of a session.
func scsRecord(values map[string]any) []byte {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(&struct {
		Deadline time.Time
		Values   map[string]any
	}{time.Now().Add(time.Hour), values})
	if err != nil {
		log.Fatal(err)
	}
	return b.Bytes()
}
