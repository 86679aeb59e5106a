package fibersession_test

import (
	"bufio"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fibersession"
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
	with := fibersession.New(m)
	cookie := seed(b, with)
	bare := serve(ok)
	handle := func(use func(*core.Session)) fasthttp.RequestHandler {
		return serve(with, fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
			use(s)
			return ok(c)
		}))
	}
	measure := func(name string, h fasthttp.RequestHandler, cookie string) {
		b.Run(name, func(b *testing.B) { p10.Own(b, call(bare, cookie), call(h, cookie)) })
	}
	measure("A", serve(with, ok), "")
	measure("B", serve(with, ok), cookie)
	measure("C", handle(func(s *core.Session) { _, _ = user.Get(s) }), cookie)
	measure("D", handle(func(s *core.Session) {
		_, _ = user.Get(s)
		_ = count.Set(s, 42)
	}), cookie)
	measure("E", handle(func(s *core.Session) { _ = count.Set(s, 1) }), "")
}

func ok(c *fiber.Ctx) error { return c.SendString("hello") }

func serve(handlers ...fiber.Handler) fasthttp.RequestHandler {
	app := fiber.New()
	app.Get("/", handlers...)
	return app.Handler()
}

// call returns one request to h, again and again on one RequestCtx, as on one connection.
func call(h fasthttp.RequestHandler, cookie string) func() {
	raw := "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
	if cookie != "" {
		raw = "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: " + cookie + "\r\n\r\n"
	}
	rc, r := &fasthttp.RequestCtx{}, strings.NewReader(raw)
	br := bufio.NewReader(r)
	return func() {
		r.Reset(raw)
		br.Reset(r)
		rc.ResetUserValues()
		rc.Response.Reset()
		_ = rc.Request.Header.Read(br) // not Add, which parses cookies at once
		h(rc)
	}
}

// seed stores a session of five values and returns its cookie.
func seed(tb testing.TB, with fiber.Handler) string {
	rc := &fasthttp.RequestCtx{}
	serve(with, fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
		_ = user.Set(s, "user-0123456789")
		_ = count.Set(s, 41)
		for _, k := range []core.Key[string]{"value0", "value1", "value2"} {
			_ = k.Set(s, "a value of a length that sessions tend to have, sixty bytes..")
		}
		return nil
	}))(rc)
	cookie, _, found := strings.Cut(string(rc.Response.Header.Peek("Set-Cookie")), ";")
	if !found {
		tb.Fatal("no cookie")
	}
	return cookie
}
