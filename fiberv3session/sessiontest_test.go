package fiberv3session_test

import (
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A handler that is called without the middleware finds the session of sessiontest's context.
func TestContextOfSessiontest(t *testing.T) {
	alice := sessiontest.New(t, core.Config{}).SignedIn("alice")
	app := fiber.New()
	app.Get("/", func(c fiber.Ctx) error {
		c.SetContext(alice.Context())
		return c.Next()
	}, fiberv3session.Handle(func(_ fiber.Ctx, s *core.Session) error { return s.AddFlash("info", s.Subject()) }))
	if res, _ := get(t, app); res.StatusCode != 200 {
		t.Error(res.Status)
	}
	alice.WantFlashes("info: alice")
}
