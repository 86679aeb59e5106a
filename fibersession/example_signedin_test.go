package fibersession_test

import (
	"fmt"
	"io"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fibersession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A page for signed-in users, and a test of it with a signed-in session.
func ExampleRequireLogin() {
	app := func(m *core.Manager) *fiber.App {
		app := fiber.New()
		app.Use(fibersession.New(m))
		app.Get("/account", fibersession.RequireLogin, fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
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

// A new password needs a sign-in of the last ten minutes. Save comes first: if it fails, nothing has changed.
func ExampleRequireFresh() {
	app := func(m *core.Manager) *fiber.App {
		app := fiber.New()
		app.Use(fibersession.New(m))
		app.Post("/password", fibersession.RequireFresh(10*time.Minute), fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
			_ = s.RotateID() // a new token for this session
			if err := s.Save(c.UserContext()); err != nil {
				return err
			}
			// Here the new password is stored.
			if _, err := m.RevokeSubject(c.UserContext(), s.Subject(), s.ID()); err != nil { // all other devices
				return c.SendString("Your password is new. Other devices may still be signed in.")
			}
			return nil
		}))
		return app
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	alice := m.SignedIn("alice")
	for range 2 {
		res, err := app(m.Manager).Test(alice.Form("/password", "new", "secret"))
		if err != nil {
			fmt.Println(err)
			return
		}
		alice.Keep(res) // the token of the response
		fmt.Println(res.StatusCode, res.Header["Location"])
		m.Clock.Advance(time.Hour)
	}
	// Output:
	// 200 []
	// 303 [/sign-in]
}

// Scripts get a 401 in the application's own form. Browsers are still sent to the sign-in page.
func ExampleWithLoginHandler() {
	app := func(m *core.Manager) *fiber.App {
		app := fiber.New()
		app.Use(fibersession.New(m, fibersession.WithLoginHandler(func(c *fiber.Ctx, ch core.Challenge) error {
			ch.Apply(fibersession.Header(c))
			c.Status(ch.Status)
			if ch.Status != fiber.StatusUnauthorized {
				return nil
			}
			return c.JSON(fiber.Map{"error": "sign in first"})
		})))
		app.Get("/orders", fibersession.RequireLogin)
		return app
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	for _, accept := range []string{"application/json", "text/html"} {
		r := m.Visitor().Request("GET", "/orders", nil)
		r.Header.Set("Accept", accept)
		res, err := app(m.Manager).Test(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(res.Body)
		fmt.Println(res.StatusCode, res.Header.Get("Location")+string(body))
	}
	// Output:
	// 401 {"error":"sign in first"}
	// 303 /sign-in?next=%2Forders
}
