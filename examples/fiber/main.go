// Command fiber is the demo shop on Fiber.
//
//	go run ./examples/fiber
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/fibersession"
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
	app := routes(m, admin)
	shutdown := func(ctx context.Context) error {
		m.CloseStreams() // the live pages would keep their connections open
		return app.ShutdownWithContext(ctx)
	}
	return shop.Serve(f.Addr, app.Listener, shutdown)
}

const framework = "Fiber"

func routes(m *core.Manager, admin http.Handler) *fiber.App {
	app := fiber.New(fiber.Config{
		Views:                 shop.Views{},
		ErrorHandler:          problem,
		ReadBufferSize:        16 << 10, // for the request's header; a cookie store's token fills the default of 4 KiB
		DisableStartupMessage: true,
	})
	app.Use(recover.New())
	app.Use(sameOrigin)
	app.Use(fibersession.New(m))

	// No session is loaded for these, since they do not ask for one.
	app.Get("/healthz", func(c *fiber.Ctx) error { return c.SendString("ok\n") })
	app.Get("/style.css", func(c *fiber.Ctx) error { return c.Type("css", "utf-8").Send(shop.CSS) })

	app.Get("/", fibersession.Handle(home))
	app.Get("/cart", fibersession.Handle(page("cart.html")))
	app.Post("/cart/add", fibersession.Handle(addToCart))
	app.Post("/cart/set", fibersession.Handle(setQuantity))
	app.Get("/sign-in", fibersession.Handle(signInPage))
	app.Post("/sign-in", fibersession.Handle(signIn))
	app.Post("/sign-out", fibersession.Handle(signOut))

	a := account{m}
	mine := app.Group("/devices", fibersession.RequireLogin)
	mine.Get("", fibersession.Handle(a.devices))
	mine.Post("/revoke", fibersession.Handle(a.revoke))
	mine.Post("/revoke-others", fibersession.Handle(a.revokeOthers))
	app.Get("/live", fibersession.RequireLogin, fibersession.Handle(page("live.html")))
	app.Get(liveAt, fibersession.RequireLogin, fibersession.Handle(events))
	app.Use("/admin", fibersession.RequireLogin, adaptor.HTTPHandler(admin))
	return app
}

// sameOrigin refuses forms that another site sends.
func sameOrigin(c *fiber.Ctx) error {
	if err := shop.CheckOrigin(c.Method(), string(c.Request().Host()), c.Get("Sec-Fetch-Site"), c.Get("Origin")); err != nil {
		return fiber.NewError(fiber.StatusForbidden, err.Error())
	}
	return c.Next()
}

func home(c *fiber.Ctx, s *core.Session) error {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	shop.Visitor(s)
	return show(c, s, fiber.StatusOK, "home.html", shop.Page{})
}

func addToCart(c *fiber.Ctx, s *core.Session) error {
	product, ok := shop.Find(c.FormValue("sku"))
	if !ok {
		return fiber.ErrNotFound
	}
	// If two tabs add at once, both count: Update runs again on top of what the other tab stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	shop.Visitor(s)
	return c.Redirect("/", fiber.StatusSeeOther)
}

func setQuantity(c *fiber.Ctx, s *core.Session) error {
	sku, n := c.FormValue("sku"), c.FormValue("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	shop.Visitor(s)
	return c.Redirect("/cart", fiber.StatusSeeOther)
}

func signInPage(c *fiber.Ctx, s *core.Session) error {
	return show(c, s, fiber.StatusOK, "signin.html", shop.Page{Next: core.LocalPath(c.Query("next"), "")})
}

// signIn goes back to the page that RequireLogin was asked for. The way back comes from the client, so LocalPath looks at it.
func signIn(c *fiber.Ctx, s *core.Session) error {
	name, next := c.FormValue("name"), core.LocalPath(c.Query("next"), "")
	user, ok := shop.SignIn(name, c.FormValue("password"))
	if !ok {
		return show(c, s, fiber.StatusUnprocessableEntity, "signin.html", shop.Page{Name: name, Next: next, Flashes: shop.WrongPassword})
	}
	_ = s.LoginBy(user.Name, "password") // new session, new token; it takes over the cart
	if c.FormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	return c.Redirect(core.LocalPath(next, "/"), fiber.StatusSeeOther)
}

func signOut(c *fiber.Ctx, s *core.Session) error {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	shop.Visitor(s)
	return c.Redirect("/", fiber.StatusSeeOther)
}

// page makes the handler of a page that shows no more than every page shows.
func page(name string) func(*fiber.Ctx, *core.Session) error {
	return func(c *fiber.Ctx, s *core.Session) error { return show(c, s, fiber.StatusOK, name, shop.Page{}) }
}

func show(c *fiber.Ctx, s *core.Session, status int, name string, page shop.Page) error {
	page.Framework, page.Title, page.User, page.Live = framework, shop.Titles[name], s.Subject(), liveAt
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	waiting, _ := s.Flashes(c.UserContext()) // each message once; with the cookie store, perhaps in two tabs
	page.Flashes = append(waiting, page.Flashes...)
	return c.Status(status).Render(name, page)
}

// problem is Fiber's ErrorHandler: also for a session that could not be loaded or stored.
func problem(c *fiber.Ctx, err error) error {
	status := fiber.StatusInternalServerError
	var known *fiber.Error
	if errors.As(err, &known) {
		status = known.Code
	}
	if status >= fiber.StatusInternalServerError {
		log.Print(err)
	}
	return c.Status(status).Render("error.html", shop.ErrorPage(framework, status))
}
