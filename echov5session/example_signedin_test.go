package echov5session_test

import (
	"fmt"
	"io"
	"net/http"

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
