package ginsession_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
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
	with := ginsession.New(m)
	cookie := seed(b, with)
	bare := engine(ok)
	handle := func(use func(*core.Session)) http.Handler {
		return engine(with, ginsession.Handle(func(c *gin.Context, s *core.Session) {
			use(s)
			ok(c)
		}))
	}
	b.Run("A", func(b *testing.B) { p10.HTTP(b, bare, engine(with, ok), "") })
	b.Run("B", func(b *testing.B) { p10.HTTP(b, bare, engine(with, ok), cookie) })
	b.Run("C", func(b *testing.B) {
		p10.HTTP(b, bare, handle(func(s *core.Session) { _, _ = user.Get(s) }), cookie)
	})
	b.Run("D", func(b *testing.B) {
		p10.HTTP(b, bare, handle(func(s *core.Session) {
			_, _ = user.Get(s)
			_ = count.Set(s, 42)
		}), cookie)
	})
	b.Run("E", func(b *testing.B) {
		p10.HTTP(b, bare, handle(func(s *core.Session) { _ = count.Set(s, 1) }), "")
	})
}

var body = []byte("hello")

func ok(c *gin.Context) { _, _ = c.Writer.Write(body) }

// seed stores a session of five values and returns its cookie.
func seed(tb testing.TB, with gin.HandlerFunc) string {
	res := get(engine(with, ginsession.Handle(func(_ *gin.Context, s *core.Session) {
		_ = user.Set(s, "user-0123456789")
		_ = count.Set(s, 41)
		for _, k := range []core.Key[string]{"value0", "value1", "value2"} {
			_ = k.Set(s, "a value of a length that sessions tend to have, sixty bytes..")
		}
	})))
	cookie, _, found := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	if !found {
		tb.Fatal("no cookie")
	}
	return cookie
}
