package fiberv3session_test

import (
	"bufio"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func BenchmarkRequest(b *testing.B) { owncost.Requests(b, measured(b)) }

func TestAllocationCeilings(t *testing.T) {
	owncost.Ceilings(t, measured(t), map[string]float64{"A": 1, "B": 1, "C": 4, "D": 10, "E": 9})
}

func measured(tb testing.TB) owncost.Adapter {
	m, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{}))})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = m.Close() })
	with := fiberv3session.New(m)
	handle := func(use func(*core.Session)) fasthttp.RequestHandler {
		if use == nil {
			return serve(with, ok)
		}
		return serve(with, fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
			use(s)
			return ok(c)
		}))
	}
	return owncost.Adapter{
		Bare: func(cookie string) func() { return call(serve(ok), cookie) },
		With: func(use func(*core.Session), cookie string) func() { return call(handle(use), cookie) },
		Seed: func(fill func(*core.Session)) string {
			rc := &fasthttp.RequestCtx{}
			handle(fill)(rc)
			cookie, _, _ := strings.Cut(string(rc.Response.Header.Peek("Set-Cookie")), ";")
			return cookie
		},
	}
}

func ok(c fiber.Ctx) error { return c.SendString("hello") }

func serve(handlers ...fiber.Handler) fasthttp.RequestHandler {
	app := fiber.New()
	for _, h := range handlers[:len(handlers)-1] {
		app.Use(h)
	}
	app.Get("/", handlers[len(handlers)-1])
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
