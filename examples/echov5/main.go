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
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/echov5session"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

func main() { shop.Main(run) }

// run gets the store of the flag -store: for example, what filestore.New("./sessions", filestore.Config{}) returned.
func run(addr string, store driver.Backend) (err error) {
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	server := &http.Server{Handler: routes(m), ReadHeaderTimeout: 10 * time.Second}
	return shop.Serve(addr, server.Serve, server.Shutdown)
}

func routes(m *core.Manager) *echo.Echo {
	e := echo.New()
	e.Renderer = &echo.TemplateRenderer{Template: shop.Templates}
	e.Use(echo.WrapMiddleware(http.NewCrossOriginProtection().Handler))
	e.Use(echov5session.New(m, echov5session.WithErrorHandler(unsaved)))

	// No session is loaded for these, since they do not ask for one.
	e.GET("/healthz", func(c *echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	e.GET("/style.css", func(c *echo.Context) error { return c.Blob(http.StatusOK, "text/css; charset=utf-8", shop.CSS) })

	e.GET("/", echov5session.Handle(home))
	e.GET("/cart", echov5session.Handle(page("cart.html")))
	e.POST("/cart/add", echov5session.Handle(addToCart))
	e.POST("/cart/set", echov5session.Handle(setQuantity))
	e.GET("/sign-in", echov5session.Handle(page("signin.html")))
	e.POST("/sign-in", echov5session.Handle(signIn))
	e.POST("/sign-out", echov5session.Handle(signOut))

	a := account{m}
	mine := e.Group("/devices", signedIn)
	mine.GET("", echov5session.Handle(a.devices))
	mine.POST("/revoke", echov5session.Handle(a.revoke))
	mine.POST("/revoke-others", echov5session.Handle(a.revokeOthers))
	return e
}

func home(c *echo.Context, s *core.Session) error {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	return show(c, s, "home.html", shop.Page{})
}

func addToCart(c *echo.Context, s *core.Session) error {
	product, ok := shop.Find(c.FormValue("sku"))
	if !ok {
		return c.String(http.StatusNotFound, "We do not sell this.")
	}
	// If two tabs add at once, both count: Update runs again on top of what the other tab stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	return c.Redirect(http.StatusSeeOther, "/")
}

func setQuantity(c *echo.Context, s *core.Session) error {
	sku, n := c.FormValue("sku"), c.FormValue("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	return c.Redirect(http.StatusSeeOther, "/cart")
}

func signIn(c *echo.Context, s *core.Session) error {
	user, ok := shop.SignIn(c.FormValue("name"), c.FormValue("password"))
	if !ok {
		_ = s.AddFlash("error", "This name and password do not belong together.")
		return c.Redirect(http.StatusSeeOther, "/sign-in")
	}
	_ = s.Login(user.Name) // new session, new token; it takes over the cart
	_ = shop.Agent.Set(s, shop.ShortAgent(c.Request().UserAgent()))
	if c.FormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	return c.Redirect(http.StatusSeeOther, "/")
}

func signOut(c *echo.Context, s *core.Session) error {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	return c.Redirect(http.StatusSeeOther, "/")
}

// unsaved answers when the session could not be loaded or stored.
func unsaved(c *echo.Context, err error) error {
	if errors.Is(err, core.ErrEnded) {
		// Another tab has just signed in or out. The browser has the new cookie, or will get it. The cart page only
		// reads its session, so it is never refused.
		return c.Redirect(http.StatusSeeOther, "/cart")
	}
	return fail(err)
}

// page makes the handler of a page that shows no more than every page shows.
func page(name string) func(*echo.Context, *core.Session) error {
	return func(c *echo.Context, s *core.Session) error { return show(c, s, name, shop.Page{}) }
}

func show(c *echo.Context, s *core.Session, name string, page shop.Page) error {
	page.Framework, page.User = "Echo v5", s.Subject()
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	page.Flashes, _ = s.Flashes(c.Request().Context()) // each message once; with the cookie store, perhaps in two tabs
	return c.Render(http.StatusOK, name, page)
}
