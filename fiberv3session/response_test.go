package fiberv3session_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/etag"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
)

// A handler returns what Get returned, as Fiber's handlers do.
func TestErrorOfGetIsReturned(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/", func(c fiber.Ctx) error {
		s, err := fiberv3session.Get(c)
		if !errors.Is(err, core.ErrUnavailable) || s == nil {
			t.Errorf("Get: %v, %v", s, err)
		}
		return err
	})
	f.store.Before(storetest.Outage)
	res, body := get(t, app, "Cookie", unknown)
	if res.StatusCode != 503 || body != "Service Unavailable" || res.Header.Get("Retry-After") != core.RetryAfter(core.ErrUnavailable) || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
}

func TestErrorHandler(t *testing.T) {
	f := setUp(t, core.Config{})
	var saw error
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager, fiberv3session.WithErrorHandler(func(c fiber.Ctx, err error) error {
		saw = err
		return c.Status(fiber.StatusTeapot).SendString("own page")
	})))
	app.Get("/", visit)
	for _, method := range []string{"Load", "Create"} {
		f.store.Before(storetest.On(method))
		res, body := get(t, app, "Cookie", unknown)
		if res.StatusCode != fiber.StatusTeapot || body != "own page" || !errors.Is(saw, core.ErrUnavailable) || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %q %v, handler saw %v", method, res.StatusCode, body, res.Header, saw)
		}
	}
}

// What middleware outside put into the header belongs to the error page, too.
func TestFailureKeepsOuterHeader(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(etag.New())
	app.Use(func(c fiber.Ctx) error {
		c.Set("X-Request-Id", "7")
		c.Cookie(&fiber.Cookie{Name: "outer", Value: "1"})
		return c.Next()
	})
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = count.Set(s, 1)
		c.Set("X-Request-Id", "8")
		c.Set("X-Page", "secret")
		c.Cookie(&fiber.Cookie{Name: "inner", Value: "1"})
		c.Response().Header.SetConnectionClose()
		return c.JSON("secret")
	}))
	f.store.Before(storetest.On("Create"))
	for range 3 {
		res, body := get(t, app)
		if res.StatusCode != 503 || body != "Service Unavailable" || res.Header.Get("X-Request-Id") != "7" || res.Header.Get("X-Page") != "" || res.Close ||
			len(res.Cookies()) != 1 || res.Cookies()[0].Name != "outer" || res.Header.Get("Etag") != "" {
			t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
		}
	}
	f.store.Reset()
	if res, body := get(t, app); res.StatusCode != 200 || body != `"secret"` || len(res.Cookies()) != 3 {
		t.Errorf("afterwards: %d %q %v", res.StatusCode, body, res.Header)
	}
}

// The error handler of a mounted application decides the status there.
func TestMountedApplication(t *testing.T) {
	f := setUp(t, core.Config{})
	shop := fiber.New(fiber.Config{ErrorHandler: func(c fiber.Ctx, err error) error {
		if s, err := fiberv3session.Get(c); err == nil {
			_ = s.AddFlash("error", "not found")
		}
		return c.Status(fiber.StatusNotFound).SendString("not in the shop")
	}})
	shop.Get("/", func(fiber.Ctx) error { return errors.New("secret") })
	app := fiber.New()
	app.Use(fiberv3session.New(f.Manager))
	app.Use("/", shop)
	if res, body := get(t, app); res.StatusCode != 404 || body != "not in the shop" || cookie(res) == "" {
		t.Errorf("%d %q %v", res.StatusCode, body, res.Header)
	}
}

// An error handler that fails itself leaves a 500, which stores nothing.
func TestErrorHandlerFails(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New(fiber.Config{ErrorHandler: func(_ fiber.Ctx, err error) error { return err }})
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/", fiberv3session.Handle(func(_ fiber.Ctx, s *core.Session) error {
		_ = count.Set(s, 1)
		return fiber.ErrNotFound
	}))
	if res, _ := get(t, app); res.StatusCode != 500 || cookie(res) != "" || f.store.Calls()["Create"] != 0 {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}

// A deadline that has passed without anybody answering for the handler is no reason to lose
// what a response is about to say was done.
func TestPassedDeadline(t *testing.T) {
	f := setUp(t, core.Config{})
	app := fiber.New()
	app.Use(func(c fiber.Ctx) error {
		ctx, cancel := context.WithTimeout(c.Context(), time.Millisecond)
		defer cancel()
		c.SetContext(ctx)
		return c.Next()
	})
	app.Use(fiberv3session.New(f.Manager))
	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error {
		_ = count.Set(s, 1)
		<-c.Context().Done()
		return c.SendString("done")
	}))
	if res, body := get(t, app); res.StatusCode != 200 || body != "done" || cookie(res) == "" || f.store.Calls()["Create"] != 1 {
		t.Errorf("%d %q %v %v", res.StatusCode, body, res.Header, f.store.Calls())
	}
}
