package ginsession_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/ginsession"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// Static files need no session.
func ExampleWithSkip() {
	t := sessiontest.ExampleTB{} // in a test: its *testing.T
	m := sessiontest.New(t, core.Config{})

	r := gin.New()
	r.Use(ginsession.New(m.Manager, ginsession.WithSkip(func(c *gin.Context) bool {
		return c.Request.URL.Path == "/style.css"
	})))
	page := func(c *gin.Context) {
		_, err := ginsession.Get(c)
		c.String(http.StatusOK, "%s has a session: %t", c.Request.URL.Path, err == nil)
	}
	r.GET("/", page)
	r.GET("/style.css", page)

	for _, path := range []string{"/", "/style.css"} {
		body, _ := io.ReadAll(m.Visitor().Get(r, path).Body)
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

	r := gin.New()
	r.Use(ginsession.New(m.Manager, ginsession.WithPassive(func(c *gin.Context) bool {
		return c.FullPath() == "/news"
	})))
	r.GET("/news", ginsession.RequireLogin, func(c *gin.Context) { c.String(http.StatusOK, "no news") })

	alice := m.SignedIn("alice")
	for range 3 {
		m.Clock.Advance(25 * time.Minute)
		fmt.Println(alice.Get(r, "/news").StatusCode)
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

	options := []ginsession.Option{
		ginsession.WithErrorHandler(func(c *gin.Context, err error) {
			c.String(core.HTTPStatus(err), "Please try again.")
		}),
		ginsession.WithPassive(func(c *gin.Context) bool { return c.GetHeader("X-Poll") != "" }),
	}
	hello := ginsession.Handle(func(c *gin.Context, s *core.Session) {
		c.String(http.StatusOK, "hello %q", s.Subject())
	})
	r := gin.New()
	r.GET("/", ginsession.New(customers.Manager, options...), hello)
	r.Group("/admin", ginsession.New(staff.Manager, options...)).GET("/", hello)

	alice := customers.SignedIn("alice")
	for _, path := range []string{"/", "/admin/"} {
		body, _ := io.ReadAll(alice.Get(r, path).Body)
		fmt.Println(path, string(body))
	}
	// Output:
	// / hello "alice"
	// /admin/ hello ""
}

// Another tab signs out while a form is under way: a page gets the sign-in in place of a 409, a script the 409.
func ExampleWithErrorHandler_anotherTab() {
	app := func(m *core.Manager) http.Handler {
		r := gin.New()
		r.Use(ginsession.New(m, ginsession.WithErrorHandler(func(c *gin.Context, err error) {
			if errors.Is(err, core.ErrEnded) && c.GetHeader("Sec-Fetch-Mode") == "navigate" {
				c.Header("Retry-After", "") // takes it away
				c.Redirect(http.StatusSeeOther, "/sign-in")
				return
			}
			c.String(core.HTTPStatus(err), http.StatusText(core.HTTPStatus(err)))
		})))
		r.POST("/cart", ginsession.Handle(func(_ *gin.Context, s *core.Session) {
			_ = m.Revoke(context.Background(), s.ID()) // meanwhile, in another tab
			_ = s.AddFlash("success", "It is in your cart.")
		}))
		return r
	}
	t := sessiontest.ExampleTB{} // in a test: its *testing.T

	m := sessiontest.New(t, core.Config{})
	for _, mode := range []string{"navigate", "cors"} {
		alice := m.SignedIn("alice")
		r := alice.Form("/cart", "sku", "hat")
		r.Header.Set("Sec-Fetch-Mode", mode)
		res := alice.Do(app(m.Manager), r)
		fmt.Println(res.StatusCode, res.Header["Location"])
	}
	// Output:
	// 303 [/sign-in]
	// 409 []
}
