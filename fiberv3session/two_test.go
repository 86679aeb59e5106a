package fiberv3session_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/fiberv3session"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Handle answers with the innermost middleware's error handler.
func TestHandleAsksTheInnermostErrorHandler(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	fault.Before(func(storetest.Call) error { return driver.ErrUnavailable })
	outer, _ := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{}))})
	inner, _ := core.New(core.Config{Store: fault.Store(), Cookie: core.Cookie{Name: "b"}})
	app := fiber.New()
	app.Use(fiberv3session.New(outer, fiberv3session.WithErrorHandler(func(c fiber.Ctx, err error) error { return errors.New("outer's: " + err.Error()) })))
	app.Use(fiberv3session.New(inner))
	app.Get("/", fiberv3session.Handle(func(c fiber.Ctx, s *core.Session) error { return nil }))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", "b=BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBA")
	res, err := app.Test(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 503 {
		t.Errorf("%d: the outer middleware's handler was asked", res.StatusCode)
	}
}
