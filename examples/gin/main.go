// Command gin is the demo shop on Gin.
//
//	go run ./examples/gin
package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/ginsession"
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
	handler := http.NewCrossOriginProtection().Handler(routes(m, admin))
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return shop.Serve(f.Addr, server.Serve, server.Shutdown)
}

func routes(m *core.Manager, admin http.Handler) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	r := gin.Default()
	_ = r.SetTrustedProxies(nil)
	r.SetHTMLTemplate(shop.Templates)
	r.Use(ginsession.New(m, ginsession.WithErrorHandler(fail)))

	// No session is loaded for these, since they do not ask for one.
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.GET("/style.css", gin.WrapF(shop.ServeCSS))
	r.NoRoute(func(c *gin.Context) { problem(c, http.StatusNotFound) })

	r.GET("/", ginsession.Handle(home))
	r.GET("/cart", ginsession.Handle(page("cart.html")))
	r.POST("/cart/add", ginsession.Handle(addToCart))
	r.POST("/cart/set", ginsession.Handle(setQuantity))
	r.GET("/sign-in", ginsession.Handle(signInPage))
	r.POST("/sign-in", ginsession.Handle(signIn))
	r.POST("/sign-out", ginsession.Handle(signOut))

	a := account{m}
	mine := r.Group("/devices", ginsession.RequireLogin)
	mine.GET("", ginsession.Handle(a.devices))
	mine.POST("/revoke", ginsession.Handle(a.revoke))
	mine.POST("/revoke-others", ginsession.Handle(a.revokeOthers))
	r.Any("/admin/*page", ginsession.RequireLogin, gin.WrapH(admin))
	return r
}

func home(c *gin.Context, s *core.Session) {
	// You may ignore an error of Update or Set. The session is then not saved, and the client gets an error page in
	// place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	shop.Visitor(s)
	show(c, s, http.StatusOK, "home.html", shop.Page{})
}

func addToCart(c *gin.Context, s *core.Session) {
	product, ok := shop.Find(c.PostForm("sku"))
	if !ok {
		problem(c, http.StatusNotFound)
		return
	}
	// If two tabs add at once, both count: Update runs again on top of what the other tab stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	shop.Visitor(s)
	c.Redirect(http.StatusSeeOther, "/")
}

func setQuantity(c *gin.Context, s *core.Session) {
	sku, n := c.PostForm("sku"), c.PostForm("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	shop.Visitor(s)
	c.Redirect(http.StatusSeeOther, "/cart")
}

func signInPage(c *gin.Context, s *core.Session) {
	show(c, s, http.StatusOK, "signin.html", shop.Page{Next: core.LocalPath(c.Query("next"), "")})
}

// signIn goes back to the page that RequireLogin was asked for. The way back comes from the client, so LocalPath looks at it.
func signIn(c *gin.Context, s *core.Session) {
	name, next := c.PostForm("name"), core.LocalPath(c.Query("next"), "")
	user, ok := shop.SignIn(name, c.PostForm("password"))
	if !ok {
		show(c, s, http.StatusUnprocessableEntity, "signin.html", shop.Page{Name: name, Next: next, Flashes: shop.WrongPassword})
		return
	}
	_ = s.LoginBy(user.Name, "password") // new session, new token; it takes over the cart
	if c.PostForm("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	c.Redirect(http.StatusSeeOther, core.LocalPath(next, "/"))
}

func signOut(c *gin.Context, s *core.Session) {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	shop.Visitor(s)
	c.Redirect(http.StatusSeeOther, "/")
}

// page makes the handler of a page that shows no more than every page shows.
func page(name string) func(*gin.Context, *core.Session) {
	return func(c *gin.Context, s *core.Session) { show(c, s, http.StatusOK, name, shop.Page{}) }
}

func show(c *gin.Context, s *core.Session, status int, name string, page shop.Page) {
	page.Framework, page.Title, page.User = "Gin", shop.Titles[name], s.Subject()
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	waiting, _ := s.Flashes(c.Request.Context()) // each message once; with the cookie store, perhaps in two tabs
	page.Flashes = append(waiting, page.Flashes...)
	c.HTML(status, name, page)
}

// fail answers when the session could not be loaded or stored, and after other errors.
func fail(c *gin.Context, err error) {
	_ = c.Error(err)
	c.Abort()
	c.Header("Retry-After", core.RetryAfter(err)) // "" sets none
	problem(c, core.HTTPStatus(err))
}

func problem(c *gin.Context, status int) {
	c.HTML(status, "error.html", shop.ErrorPage("Gin", status))
}
