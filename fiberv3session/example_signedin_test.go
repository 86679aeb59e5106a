package fiberv3session_test

import (
	"fmt"
	"io"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A page for signed-in users, and a test of it with a signed-in session.
func ExampleRequireLogin() {
	app := func(m *core.Manager) *fiber.App {
		app := fiber.New()
		app.Use(fiberv3session.New(m))
		app.Get("/account", fiberv3session.RequireLogin, fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
			return c.SendString("hello " + s.Subject())
		}))
		return app
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	res, err := app(m.Manager).Test(m.SignedIn("alice").Request("GET", "/account", nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))

	res, err = app(m.Manager).Test(m.Visitor().Request("GET", "/account", nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.StatusCode, res.Header.Get("Location"))
	// Output:
	// 200 hello alice
	// 303 /sign-in?next=%2Faccount
}
