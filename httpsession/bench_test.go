package httpsession_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/internal/p10"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

const (
	user  core.Key[string] = "user"
	count core.Key[int]    = "count"
)

// BenchmarkRequest is what a request costs: A no cookie, B a cookie, neither touched, C
// one key of five read, D one read and one written, E a new session, beyond the same handler without coatcheck.
func BenchmarkRequest(b *testing.B) {
	m, err := core.New(core.Config{Store: memstore.New(memstore.Config{})})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	with := httpsession.New(m)
	cookie := seed(b, with)
	bare := http.HandlerFunc(ok)
	b.Run("A", func(b *testing.B) { p10.HTTP(b, bare, with(http.HandlerFunc(ok)), "") })
	b.Run("B", func(b *testing.B) { p10.HTTP(b, bare, with(http.HandlerFunc(ok)), cookie) })
	b.Run("C", func(b *testing.B) {
		p10.HTTP(b, bare, with(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			_, _ = user.Get(s)
			ok(w, r)
		})), cookie)
	})
	b.Run("D", func(b *testing.B) {
		p10.HTTP(b, bare, with(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			_, _ = user.Get(s)
			_ = count.Set(s, 42)
			ok(w, r)
		})), cookie)
	})
	b.Run("E", func(b *testing.B) {
		p10.HTTP(b, bare, with(httpsession.Handle(func(w http.ResponseWriter, r *http.Request, s *core.Session) {
			_ = count.Set(s, 1)
			ok(w, r)
		})), "")
	})
}

var body = []byte("hello")

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }

// seed stores a session of five values and returns its cookie.
func seed(tb testing.TB, with func(http.Handler) http.Handler) string {
	rec := httptest.NewRecorder()
	with(httpsession.Handle(func(_ http.ResponseWriter, _ *http.Request, s *core.Session) {
		_ = user.Set(s, "user-0123456789")
		_ = count.Set(s, 41)
		for _, k := range []core.Key[string]{"value0", "value1", "value2"} {
			_ = k.Set(s, "a value of a length that sessions tend to have, sixty bytes..")
		}
	})).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	cookie, _, found := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	if !found {
		tb.Fatal("no cookie")
	}
	return cookie
}
