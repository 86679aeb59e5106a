// Command echov5 is the demo shop on Echo v5.
//
//	go run ./examples/echov5
package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v5"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
)

func main() { shop.Main(run) }

// run gets the store of the flag -store: for example, what filestore.New("./sessions", filestore.Config{}) returned.
func run(f shop.Flags) (err error) {
	stats := sessionadmin.NewStats()
	m, err := core.New(core.Config{
		Store: f.Store, Cookie: f.Cookie, LoginURL: "/sign-in", Devices: &shop.Devices, Observer: stats.Observe,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	admin, err := shop.Admin(m, stats)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: routes(m, admin), ReadHeaderTimeout: 10 * time.Second}
	return shop.Serve(f.Addr, server.Serve, server.Shutdown)
}

const framework = "Echo v5"

func routes(m *core.Manager, admin http.Handler) *echo.Echo {
	e := echo.New()
	e.HTTPErrorHandler = problem
	e.Renderer = &echo.TemplateRenderer{Template: shop.Templates}
	e.Use(echo.WrapMiddleware(http.NewCrossOriginProtection().Handler))
	e.Use(echov5session.New(m))

	// No session is loaded for these, since they do not ask for one.
	e.GET("/healthz", func(c *echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/style.css", func(c *echo.Context) error { return c.Blob(http.StatusOK, "text/css; charset=utf-8", shop.CSS) })

	e.GET("/", echov5session.Handle(home))
	e.GET("/cart", echov5session.Handle(page("cart.html")))
	e.POST("/cart/add", echov5session.Handle(addToCart))
	e.POST("/cart/set", echov5session.Handle(setQuantity))
	e.GET("/sign-in", echov5session.Handle(signInPage))
	e.POST("/sign-in", echov5session.Handle(signIn))
	e.POST("/sign-out", echov5session.Handle(signOut))

	a := account{m}
	mine := e.Group("/devices", echov5session.RequireLogin)
	mine.GET("", echov5session.Handle(a.devices))
	mine.POST("/revoke", echov5session.Handle(a.revoke))
	mine.POST("/revoke-others", echov5session.Handle(a.revokeOthers))
	e.Any("/admin*", echo.WrapHandler(admin), echov5session.RequireLogin)
	return e
}

func home(c *echo.Context, s *core.Session) error {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	shop.Visitor(s)
	return show(c, s, http.StatusOK, "home.html", shop.Page{})
}

func addToCart(c *echo.Context, s *core.Session) error {
	product, ok := shop.Find(c.FormValue("sku"))
	if !ok {
		return echo.ErrNotFound
	}
	// If two tabs add at once, both count: Update runs again on top of what the other tab stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	shop.Visitor(s)
	return c.Redirect(http.StatusSeeOther, "/")
}

func setQuantity(c *echo.Context, s *core.Session) error {
	sku, n := c.FormValue("sku"), c.FormValue("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	shop.Visitor(s)
	return c.Redirect(http.StatusSeeOther, "/cart")
}

func signInPage(c *echo.Context, s *core.Session) error {
	return show(c, s, http.StatusOK, "signin.html", shop.Page{Next: core.LocalPath(c.QueryParam("next"), "")})
}

// signIn goes back to the page that RequireLogin was asked for. The way back comes from the client, so LocalPath looks at it.
func signIn(c *echo.Context, s *core.Session) error {
	name, next := c.FormValue("name"), core.LocalPath(c.QueryParam("next"), "")
	user, ok := shop.SignIn(name, c.FormValue("password"))
	if !ok {
		return show(c, s, http.StatusUnprocessableEntity, "signin.html", shop.Page{Name: name, Next: next, Flashes: shop.WrongPassword})
	}
	_ = s.LoginBy(user.Name, "password") // new session, new token; it takes over the cart
	if c.FormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	return c.Redirect(http.StatusSeeOther, core.LocalPath(next, "/"))
}

func signOut(c *echo.Context, s *core.Session) error {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	shop.Visitor(s)
	return c.Redirect(http.StatusSeeOther, "/")
}

// page makes the handler of a page that shows no more than every page shows.
func page(name string) func(*echo.Context, *core.Session) error {
	return func(c *echo.Context, s *core.Session) error { return show(c, s, http.StatusOK, name, shop.Page{}) }
}

func show(c *echo.Context, s *core.Session, status int, name string, page shop.Page) error {
	page.Framework, page.Title, page.User = framework, shop.Titles[name], s.Subject()
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	waiting, _ := s.Flashes(c.Request().Context()) // each message once; with the cookie store, perhaps in two tabs
	page.Flashes = append(waiting, page.Flashes...)
	return c.Render(status, name, page)
}

// problem is Echo's HTTPErrorHandler: also for a session that could not be loaded or stored.
func problem(c *echo.Context, err error) {
	if res, _ := echo.UnwrapResponse(c.Response()); res != nil && res.Committed {
		return
	}
	status := http.StatusInternalServerError
	var known echo.HTTPStatusCoder
	if errors.As(err, &known) {
		status = known.StatusCode()
	}
	if status >= http.StatusInternalServerError {
		c.Logger().Error(err.Error())
	}
	if err := c.Render(status, "error.html", shop.ErrorPage(framework, status)); err != nil {
		c.Logger().Error(err.Error())
	}
}
