package fiberv3session_test

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func Example() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const visits core.Key[int] = "visits"
	app := fiber.New()
	app.Use(fiberv3session.New(m))
	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = visits.Update(s, func(n int) int { return n + 1 })
		n, _ := visits.Get(s)
		return c.SendString(fmt.Sprintf("visit %d", n))
	}))

	browse(app)
	// Output:
	// visit 1
	// visit 2
}

// Get is for the middle of a handler, or of another middleware: this one asks for a login.
func ExampleGet() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	members := func(c fiber.Ctx) error {
		s, err := fiberv3session.Get(c)
		if err != nil { // an outage must not look like a logout
			return err
		}
		if s.Subject() == "" {
			return fiber.NewError(fiber.StatusUnauthorized, "log in first")
		}
		return c.Next()
	}
	app := fiber.New()
	app.Use(fiberv3session.New(m))
	app.Get("/", members, func(c fiber.Ctx) error { return c.SendString("welcome") })

	browse(app)
	// Output:
	// log in first
	// log in first
}

// The application's own error page.
func ExampleWithErrorHandler() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, MaxSize: 128})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const essay core.Key[string] = "essay"
	app := fiber.New()
	app.Use(fiberv3session.New(m, fiberv3session.WithErrorHandler(func(c fiber.Ctx, err error) error {
		return c.Status(core.HTTPStatus(err)).SendString("That did not work.")
	})))
	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = essay.Set(s, strings.Repeat("too long for this session ", 10))
		return c.SendString("saved")
	}))

	browse(app)
	// Output:
	// That did not work.
	// That did not work.
}

// A stream may go on using the session after the handler, and saves it as it goes.
func ExampleNew_stream() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()

	const seen core.Key[int] = "seen"
	app := fiber.New()
	app.Use(fiberv3session.New(m))
	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		n, err := seen.Get(s)
		if err != nil {
			_ = seen.Set(s, 0) // before the header leaves: a new session needs a cookie
		}
		ctx := c.Context() // c is of no use in the stream
		c.RequestCtx().SetBodyStreamWriter(func(w *bufio.Writer) {
			for i := range 2 {
				_ = seen.Set(s, n+i+1)
				_ = s.Save(ctx)
				fmt.Fprintf(w, "event %d\n", n+i+1)
				_ = w.Flush()
			}
		})
		return nil
	}))

	browse(app)
	// Output:
	// event 1
	// event 2
	//
	// event 3
	// event 4
}

// browse sends two requests and prints what comes back.
func browse(app *fiber.App) {
	cookie := ""
	for range 2 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", cookie)
		res, err := app.Test(r)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		fmt.Println(string(body))
		if line := res.Header.Get("Set-Cookie"); line != "" {
			cookie, _, _ = strings.Cut(line, ";")
		}
	}
}
