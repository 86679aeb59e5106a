package echov5session_test

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// Static files need no session.
func ExampleWithSkip() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	e := echo.New()
	e.Use(echov5session.New(m.Manager, echov5session.WithSkip(func(c *echo.Context) bool {
		return c.Path() == "/style.css"
	})))
	page := func(c *echo.Context) error {
		_, err := echov5session.Get(c)
		return c.String(http.StatusOK, fmt.Sprintf("%s has a session: %t", c.Path(), err == nil))
	}
	e.GET("/", page)
	e.GET("/style.css", page)

	for _, path := range []string{"/", "/style.css"} {
		body, _ := io.ReadAll(m.Visitor().Get(e, path).Body)
		fmt.Println(string(body))
	}
	// Output:
	// / has a session: true
	// /style.css has a session: false
}

// A page asks for news every 25 minutes. That must not keep its session alive when its user has left.
func ExampleWithPassive() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{IdleTimeout: time.Hour})

	e := echo.New()
	e.Use(echov5session.New(m.Manager, echov5session.WithPassive(func(c *echo.Context) bool {
		return c.Path() == "/news"
	})))
	news := func(c *echo.Context) error { return c.String(http.StatusOK, "no news") }
	e.GET("/news", news, echov5session.RequireLogin)

	alice := m.SignedIn("alice")
	for range 3 {
		m.Clock.Advance(25 * time.Minute)
		fmt.Println(alice.Get(e, "/news").StatusCode)
	}
	// Output:
	// 200
	// 200
	// 401
}

// Customers and staff have a manager each, with a cookie of its own. Both middlewares share their options.
func ExampleOption() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	customers := sessiontest.New(t, core.Config{})
	staff := sessiontest.New(t, core.Config{Cookie: core.Cookie{Name: "__Host-staff"}, IdleTimeout: 15 * time.Minute})

	options := []echov5session.Option{
		echov5session.WithErrorHandler(func(c *echo.Context, err error) error {
			return c.String(core.HTTPStatus(err), "Please try again.")
		}),
		echov5session.WithPassive(func(c *echo.Context) bool { return c.Request().Header.Get("X-Poll") != "" }),
	}
	hello := echov5session.Handle(func(c *echo.Context, s *core.Session) error {
		return c.String(http.StatusOK, fmt.Sprintf("hello %q", s.Subject()))
	})
	e := echo.New()
	e.GET("/", hello, echov5session.New(customers.Manager, options...))
	e.Group("/admin", echov5session.New(staff.Manager, options...)).GET("/", hello)

	alice := customers.SignedIn("alice")
	for _, path := range []string{"/", "/admin/"} {
		body, _ := io.ReadAll(alice.Get(e, path).Body)
		fmt.Println(path, string(body))
	}
	// Output:
	// / hello "alice"
	// /admin/ hello ""
}
