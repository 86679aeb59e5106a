package main

import (
	"cmp"
	"fmt"
	"html"
	"log"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echosession"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

const (
	visits core.Key[int] = "visits"
	form                 = `<p>Who are you?</p><form method="post"><input name="name"><button>Sign in</button></form>` + "\n"
	hello                = `<p>Hello, %s.</p><form method="post" action="/sign-out"><button>Sign out</button></form>` + "\n"
)

func main() {
	store, err := filestore.New("./sessions", filestore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, LoginURL: "/sign-in"})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(routes(m).Start(cmp.Or(os.Getenv("ADDR"), "localhost:8080")))
}

func routes(m *core.Manager) *echo.Echo {
	e := echo.New()
	e.Use(echo.WrapMiddleware(http.NewCrossOriginProtection().Handler), echosession.New(m)) // other sites' forms get a 403
	e.GET("/", echosession.Handle(func(c echo.Context, s *core.Session) error {
		_ = visits.Update(s, func(n int) int { return n + 1 }) // two tabs count to two
		return c.String(http.StatusOK, fmt.Sprintf("visit %d\n", visits.GetOr(s, 0)))
	}))
	e.GET("/sign-in", func(c echo.Context) error { return c.HTML(http.StatusOK, form) })
	e.POST("/sign-in", echosession.Handle(func(c echo.Context, s *core.Session) error {
		_ = s.Login(cmp.Or(c.FormValue("name"), "guest")) // your application checks a password or a passkey first
		return c.Redirect(http.StatusSeeOther, core.LocalPath(c.QueryParam("next"), "/"))
	}))
	e.POST("/sign-out", echosession.Handle(func(c echo.Context, s *core.Session) error {
		_ = s.Logout()
		return c.Redirect(http.StatusSeeOther, "/")
	}))
	e.GET("/account", echosession.Handle(func(c echo.Context, s *core.Session) error {
		c.Response().Header().Set("Cache-Control", "no-store") // the page is one user's
		return c.HTML(http.StatusOK, fmt.Sprintf(hello, html.EscapeString(s.Subject())))
	}), echosession.RequireLogin)
	return e
}
