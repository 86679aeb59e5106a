package main

import (
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A signed-in user sees the page. No server, no sign-in.
func TestAccount(t *testing.T) {
	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	res, err := routes(m.Manager).Test(m.SignedIn("alice").Request("GET", "/account", nil))
	if err != nil || res.StatusCode != fiber.StatusOK {
		t.Error(res, err)
	}
}
