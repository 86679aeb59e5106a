package echov5session_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A page for signed-in users, and a test of it with a signed-in session.
func ExampleRequireLogin() {
	app := func(m *core.Manager) http.Handler {
		e := echo.New()
		e.Use(echov5session.New(m))
		e.GET("/account", echov5session.Handle(func(c *echo.Context, s *core.Session) error {
			return c.String(200, "hello "+s.Subject())
		}), echov5session.RequireLogin)
		return e
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	res := m.SignedIn("alice").Get(app(m.Manager), "/account")
	body, _ := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body))

	res = m.Visitor().Get(app(m.Manager), "/account")
	fmt.Println(res.StatusCode, res.Header.Get("Location"))
	// Output:
	// 200 hello alice
	// 303 /sign-in?next=%2Faccount
}

// A new password needs a sign-in of the last ten minutes. Save comes first: if it fails, nothing has changed.
func ExampleRequireFresh() {
	app := func(m *core.Manager) http.Handler {
		e := echo.New()
		e.Use(echov5session.New(m))
		e.POST("/password", echov5session.Handle(func(c *echo.Context, s *core.Session) error {
			_ = s.RotateID() // a new token for this session
			if err := s.Save(c.Request().Context()); err != nil {
				return err
			}
			// Here the new password is stored.
			if _, err := m.RevokeSubject(c.Request().Context(), s.Subject(), s.ID()); err != nil { // all other devices
				return c.String(http.StatusOK, "Your password is new. Other devices may still be signed in.")
			}
			return nil
		}), echov5session.RequireFresh(10*time.Minute))
		return e
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	alice := m.SignedIn("alice")
	fmt.Println(alice.Post(app(m.Manager), "/password", "new", "secret").StatusCode)

	m.Clock.Advance(time.Hour)
	res := alice.Post(app(m.Manager), "/password", "new", "secret")
	fmt.Println(res.StatusCode, res.Header.Get("Location"))
	// Output:
	// 200
	// 303 /sign-in
}

// Scripts get a 401 in the application's own form. Browsers are still sent to the sign-in page.
func ExampleWithLoginHandler() {
	app := func(m *core.Manager) http.Handler {
		e := echo.New()
		e.Use(echov5session.New(m, echov5session.WithLoginHandler(func(c *echo.Context, ch core.Challenge) error {
			ch.Apply(c.Response().Header())
			if ch.Status != http.StatusUnauthorized {
				return c.NoContent(ch.Status)
			}
			return c.JSON(ch.Status, map[string]string{"error": "sign in first"})
		})))
		orders := func(c *echo.Context) error { return c.String(http.StatusOK, "no orders") }
		e.GET("/orders", orders, echov5session.RequireLogin)
		return e
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	for _, accept := range []string{"application/json", "text/html"} {
		r := m.Visitor().Request("GET", "/orders", nil)
		r.Header.Set("Accept", accept)
		res := m.Visitor().Do(app(m.Manager), r)
		body, _ := io.ReadAll(res.Body)
		fmt.Println(res.StatusCode, res.Header.Get("Location")+strings.TrimSpace(string(body)))
	}
	// Output:
	// 401 {"error":"sign in first"}
	// 303 /sign-in?next=%2Forders
}
