// Command fiberv3 is the demo shop on Fiber v3.
//
//	go run -C examples/fiberv3 .
package main

import (
	"errors"
	"net"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/recover"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
)

func main() { shop.Main(run) }

// run gets the store of the flag -store: for example, what filestore.New("./sessions", filestore.Config{}) returned.
func run(addr string, store driver.Backend) (err error) {
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	app := routes(m)
	serve := func(l net.Listener) error {
		return app.Listener(l, fiber.ListenConfig{DisableStartupMessage: true})
	}
	return shop.Serve(addr, serve, app.ShutdownWithContext)
}

func routes(m *core.Manager) *fiber.App {
	app := fiber.New(fiber.Config{
		Views:          shop.Views{},
		ReadBufferSize: 16 << 10, // for the request's header; a cookie store's token fills the default of 4 KiB
		ErrorHandler:   quiet,
	})
	app.Use(recover.New())
	app.Use(sameOrigin)
	app.Use(fiberv3session.New(m, fiberv3session.WithErrorHandler(unsaved)))

	// No session is loaded for these, since they do not ask for one.
	app.Get("/healthz", func(c fiber.Ctx) error { return c.SendString("ok\n") })
	app.Get("/style.css", func(c fiber.Ctx) error { return c.Type("css", "utf-8").Send(shop.CSS) })

	app.Get("/", fiberv3session.Handle(home))
	app.Get("/cart", fiberv3session.Handle(page("cart.html")))
	app.Post("/cart/add", fiberv3session.Handle(addToCart))
	app.Post("/cart/set", fiberv3session.Handle(setQuantity))
	app.Get("/sign-in", fiberv3session.Handle(page("signin.html")))
	app.Post("/sign-in", fiberv3session.Handle(signIn))
	app.Post("/sign-out", fiberv3session.Handle(signOut))

	a := account{m}
	mine := app.Group("/devices", signedIn)
	mine.Get("", fiberv3session.Handle(a.devices))
	mine.Post("/revoke", fiberv3session.Handle(a.revoke))
	mine.Post("/revoke-others", fiberv3session.Handle(a.revokeOthers))
	return app
}

// quiet shows nothing of a request that Fiber could not read: the text of that error has the cookies.
func quiet(c fiber.Ctx, err error) error {
	if e := (*fiber.Error)(nil); errors.As(err, &e) && e.Code == fiber.StatusBadRequest {
		err = fiber.ErrBadRequest
	}
	return fiber.DefaultErrorHandler(c, err)
}

// sameOrigin refuses forms that another site sends.
func sameOrigin(c fiber.Ctx) error {
	if err := shop.CheckOrigin(c.Method(), string(c.Request().Host()), c.Get("Sec-Fetch-Site"), c.Get("Origin")); err != nil {
		return fiber.NewError(fiber.StatusForbidden, err.Error())
	}
	return c.Next()
}

func home(c fiber.Ctx, s *core.Session) error {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	return show(c, s, "home.html", shop.Page{})
}

func addToCart(c fiber.Ctx, s *core.Session) error {
	product, ok := shop.Find(c.FormValue("sku"))
	if !ok {
		return fiber.NewError(fiber.StatusNotFound, "We do not sell this.")
	}
	// If two tabs add at once, both count: Update runs again on top of what the other tab stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}

func setQuantity(c fiber.Ctx, s *core.Session) error {
	sku, n := c.FormValue("sku"), c.FormValue("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	return c.Redirect().Status(fiber.StatusSeeOther).To("/cart")
}

func signIn(c fiber.Ctx, s *core.Session) error {
	user, ok := shop.SignIn(c.FormValue("name"), c.FormValue("password"))
	if !ok {
		_ = s.AddFlash("error", "This name and password do not belong together.")
		return c.Redirect().Status(fiber.StatusSeeOther).To("/sign-in")
	}
	_ = s.Login(user.Name)                                      // new session, new token; it takes over the cart
	_ = shop.Agent.Set(s, shop.ShortAgent(c.Get("User-Agent"))) // Set encodes at once, so Fiber may reuse the string
	if c.FormValue("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}

func signOut(c fiber.Ctx, s *core.Session) error {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	return c.Redirect().Status(fiber.StatusSeeOther).To("/")
}

// unsaved answers when the session could not be loaded or stored.
func unsaved(c fiber.Ctx, err error) error {
	if errors.Is(err, core.ErrEnded) {
		// Another tab has just signed in or out. The browser has the new cookie, or will get it. The cart page only
		// reads its session, so it is never refused.
		return c.Redirect().Status(fiber.StatusSeeOther).To("/cart")
	}
	return fail(err)
}

// page makes the handler of a page that shows no more than every page shows.
func page(name string) func(fiber.Ctx, *core.Session) error {
	return func(c fiber.Ctx, s *core.Session) error { return show(c, s, name, shop.Page{}) }
}

func show(c fiber.Ctx, s *core.Session, name string, page shop.Page) error {
	page.Framework, page.User = "Fiber v3", s.Subject()
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	page.Flashes, _ = s.Flashes(c.Context()) // each message once; with the cookie store, perhaps in two tabs
	return c.Render(name, page)
}
