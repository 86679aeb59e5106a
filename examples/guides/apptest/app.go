// Package apptest is a small application on Gin, the same on Fiber, and the tests of both: the code of docs/testing.md.
package apptest

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fibersession"
	"github.com/coatcheck-go/coatcheck/ginsession"
)

// Items is a cart: how many of each thing.
type Items map[string]int

const cart core.Key[Items] = "cart"

// add returns the cart with one more of a thing.
func add(sku string) func(Items) Items {
	return func(items Items) Items {
		if items == nil {
			items = Items{}
		}
		items[sku]++
		return items
	}
}

// config is the application's settings, but for the store: main adds it.
func config() core.Config {
	return core.Config{LoginURL: "/sign-in", Devices: &core.Devices{}}
}

// routes makes the application on Gin, with the middleware for this manager.
func routes(m *core.Manager) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(ginsession.New(m))
	r.GET("/account", ginsession.RequireLogin, ginsession.Handle(account))
	r.GET("/devices", ginsession.RequireLogin, ginsession.Handle(func(c *gin.Context, s *core.Session) {
		for other, err := range m.Sessions(c.Request.Context(), s.Subject()) {
			if err != nil {
				c.Header("Retry-After", core.RetryAfter(err))
				c.String(core.HTTPStatus(err), "no list")
				return
			}
			_, _ = fmt.Fprintln(c.Writer, other.Device().Label, other.Device().Network)
		}
	}))
	r.POST("/cart/add", ginsession.Handle(func(c *gin.Context, s *core.Session) {
		_ = cart.Update(s, add(c.PostForm("sku")))
		_ = s.AddFlash("success", "Hat is in your cart.")
		c.Redirect(http.StatusSeeOther, "/")
	}))
	return r
}

func account(c *gin.Context, s *core.Session) { c.String(http.StatusOK, "hello "+s.Subject()) }

// fiberRoutes is the same on Fiber.
func fiberRoutes(m *core.Manager) *fiber.App {
	app := fiber.New()
	app.Use(fibersession.New(m))
	app.Get("/account", fibersession.RequireLogin, fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
		return c.SendString("hello " + s.Subject())
	}))
	app.Post("/cart/add", fibersession.Handle(func(c *fiber.Ctx, s *core.Session) error {
		_ = cart.Update(s, add(c.FormValue("sku")))
		return c.Redirect("/", fiber.StatusSeeOther)
	}))
	return app
}
