package main

// From routes on, this file is a copy of ../gin/main.go, and devices.go of its devices.go: the
// shop does not know where its sessions are. Only code that is no program could be imported, and
// whoever opens ../gin shall find the whole of it there. A test compares the two.

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
	"github.com/coatcheck-go/coatcheck/ginsession"
)

func routes(m *core.Manager) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	r := gin.Default()
	_ = r.SetTrustedProxies(nil)
	r.SetHTMLTemplate(shop.Templates)
	r.Use(ginsession.New(m, ginsession.WithErrorHandler(unsaved)))

	// No session is loaded for these: nobody asks for it.
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.GET("/style.css", gin.WrapF(shop.ServeCSS))

	r.GET("/", ginsession.Handle(home))
	r.GET("/cart", ginsession.Handle(page("cart.html")))
	r.POST("/cart/add", ginsession.Handle(addToCart))
	r.POST("/cart/set", ginsession.Handle(setQuantity))
	r.GET("/sign-in", ginsession.Handle(page("signin.html")))
	r.POST("/sign-in", ginsession.Handle(signIn))
	r.POST("/sign-out", ginsession.Handle(signOut))

	a := account{m}
	mine := r.Group("/devices", signedIn)
	mine.GET("", ginsession.Handle(a.devices))
	mine.POST("/revoke", ginsession.Handle(a.revoke))
	mine.POST("/revoke-others", ginsession.Handle(a.revokeOthers))
	return r
}

func home(c *gin.Context, s *core.Session) {
	// An error of Update or Set may be passed over: the session is then not saved, and the
	// client gets an error page in place of this response.
	_ = shop.Visits.Update(s, func(n int) int { return n + 1 })
	show(c, s, "home.html", shop.Page{})
}

func addToCart(c *gin.Context, s *core.Session) {
	product, ok := shop.Find(c.PostForm("sku"))
	if !ok {
		c.String(http.StatusNotFound, "We do not sell this.")
		return
	}
	// Two tabs that add at once both count: Update runs again on what the other one stored.
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Add(product) })
	_ = s.AddFlash("success", product.Name+" is in your cart.")
	c.Redirect(http.StatusSeeOther, "/")
}

func setQuantity(c *gin.Context, s *core.Session) {
	sku, n := c.PostForm("sku"), c.PostForm("quantity")
	_ = shop.Cart.Update(s, func(items shop.Items) shop.Items { return items.Set(sku, n) })
	c.Redirect(http.StatusSeeOther, "/cart")
}

func signIn(c *gin.Context, s *core.Session) {
	user, ok := shop.SignIn(c.PostForm("name"), c.PostForm("password"))
	if !ok {
		_ = s.AddFlash("error", "This name and password do not belong together.")
		c.Redirect(http.StatusSeeOther, "/sign-in")
		return
	}
	_ = s.Login(user.Name) // a new session with a new token; the cart comes along
	_ = shop.Agent.Set(s, shop.ShortAgent(c.Request.UserAgent()))
	if c.PostForm("remember") != "" {
		_ = s.ExpireIn(30 * 24 * time.Hour)
	} else {
		_ = s.ExpireAtBrowserClose()
	}
	_ = s.AddFlash("success", "Welcome, "+user.Name+".")
	c.Redirect(http.StatusSeeOther, "/")
}

func signOut(c *gin.Context, s *core.Session) {
	_ = s.Logout()
	_ = s.AddFlash("info", "You are signed out.") // begins a new, anonymous session
	c.Redirect(http.StatusSeeOther, "/")
}

// unsaved answers where the session could not be loaded or stored.
func unsaved(c *gin.Context, err error) {
	if errors.Is(err, core.ErrEnded) {
		// Another tab has just signed in or out, and the browser gets, or has, that cookie. The cart only
		// reads its session, so it is never refused.
		c.Redirect(http.StatusSeeOther, "/cart")
		return
	}
	fail(c, err)
}

// page is the handler of a page that shows only what all pages show.
func page(name string) func(*gin.Context, *core.Session) {
	return func(c *gin.Context, s *core.Session) { show(c, s, name, shop.Page{}) }
}

func show(c *gin.Context, s *core.Session, name string, page shop.Page) {
	page.Framework, page.User = "Gin", s.Subject()
	page.Visits, page.Cart = shop.Visits.GetOr(s, 0), shop.Cart.GetOr(s, nil)
	page.Flashes, _ = s.Flashes(c.Request.Context()) // each message once; the cookie store cannot see other tabs
	c.HTML(http.StatusOK, name, page)
}
