package fiberv3session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// answer returns the status of a response, and its body.
func answer(res *http.Response, err error) string {
	if err != nil {
		return err.Error()
	}
	body, _ := io.ReadAll(res.Body)
	return fmt.Sprint(res.StatusCode, " ", string(body))
}

// Static files need no session.
func ExampleWithSkip() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	app := fiber.New()
	app.Use(fiberv3session.New(m.Manager, fiberv3session.WithSkip(func(c fiber.Ctx) bool {
		return c.Path() == "/style.css"
	})))
	page := func(c fiber.Ctx) error {
		_, err := fiberv3session.Get(c)
		return c.SendString(fmt.Sprintf("%s has a session: %t", c.Path(), err == nil))
	}
	app.Get("/", page)
	app.Get("/style.css", page)

	for _, path := range []string{"/", "/style.css"} {
		fmt.Println(answer(app.Test(m.Visitor().Request("GET", path, nil))))
	}
	// Output:
	// 200 / has a session: true
	// 200 /style.css has a session: false
}

// A page asks for news every 25 minutes. That must not keep its session alive when its user has left.
func ExampleWithPassive() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{IdleTimeout: time.Hour})

	app := fiber.New()
	app.Use(fiberv3session.New(m.Manager, fiberv3session.WithPassive(func(c fiber.Ctx) bool {
		return c.Path() == "/news"
	})))
	app.Get("/news", fiberv3session.RequireLogin, func(c fiber.Ctx) error { return c.SendString("no news") })

	alice := m.SignedIn("alice")
	for range 3 {
		m.Clock.Advance(25 * time.Minute)
		fmt.Println(answer(app.Test(alice.Request("GET", "/news", nil))))
	}
	// Output:
	// 200 no news
	// 200 no news
	// 401 Unauthorized
}

// Customers and staff have a manager each, with a cookie of its own. Both middlewares share their options.
func ExampleOption() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	customers := sessiontest.New(t, core.Config{})
	staff := sessiontest.New(t, core.Config{Cookie: core.Cookie{Name: "__Host-staff"}, IdleTimeout: 15 * time.Minute})

	options := []fiberv3session.Option{
		fiberv3session.WithErrorHandler(func(c fiber.Ctx, err error) error {
			return c.Status(core.HTTPStatus(err)).SendString("Please try again.")
		}),
		fiberv3session.WithPassive(func(c fiber.Ctx) bool { return c.Get("X-Poll") != "" }),
	}
	hello := fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		return c.SendString(fmt.Sprintf("hello %q", s.Subject()))
	})
	app := fiber.New()
	app.Get("/", fiberv3session.New(customers.Manager, options...), hello)
	app.Group("/admin", fiberv3session.New(staff.Manager, options...)).Get("/", hello)

	alice := customers.SignedIn("alice")
	for _, path := range []string{"/", "/admin/"} {
		fmt.Println(path, answer(app.Test(alice.Request("GET", path, nil))))
	}
	// Output:
	// / 200 hello "alice"
	// /admin/ 200 hello ""
}

// Another tab signs out while a form is under way: a page gets the sign-in in place of a 409, a script the 409.
func ExampleWithErrorHandler_anotherTab() {
	app := func(m *core.Manager) *fiber.App {
		app := fiber.New()
		app.Use(fiberv3session.New(m, fiberv3session.WithErrorHandler(func(c fiber.Ctx, err error) error {
			if errors.Is(err, core.ErrEnded) && c.Get("Sec-Fetch-Mode") == "navigate" {
				c.Response().Header.Del("Retry-After")
				return c.Redirect().Status(fiber.StatusSeeOther).To("/sign-in")
			}
			return fiber.NewError(core.HTTPStatus(err))
		})))
		app.Post("/cart", fiberv3session.Handle(func(_ fiber.Ctx, s *core.Session) error {
			_ = m.Revoke(context.Background(), s.ID()) // meanwhile, in another tab
			return s.AddFlash("success", "It is in your cart.")
		}))
		return app
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{})
	for _, mode := range []string{"navigate", "cors"} {
		alice := m.SignedIn("alice")
		r := alice.Form("/cart", "sku", "hat")
		r.Header.Set("Sec-Fetch-Mode", mode)
		res, err := app(m.Manager).Test(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(res.StatusCode, res.Header["Location"])
	}
	// Output:
	// 303 [/sign-in]
	// 409 []
}
