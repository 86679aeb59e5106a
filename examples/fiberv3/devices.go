package main

import (
	"errors"

	"github.com/gofiber/fiber/v3"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

// account has the pages on which users see and end their own sessions.
type account struct{ m *core.Manager }

func (a account) devices(c fiber.Ctx, s *core.Session) error {
	page, err := shop.DevicesPage(a.m.Sessions(c.Context(), s.Subject()), s.ID())
	if err != nil {
		return err // the adapter answers: in an outage a 503, with Retry-After and no-store
	}
	return show(c, s, fiber.StatusOK, "devices.html", page)
}

func (a account) revoke(c fiber.Ctx, s *core.Session) error {
	// A form can name any session: RevokeOwn ends only the user's own.
	id, _ := core.ParseID(c.FormValue("id"))
	err := a.m.RevokeOwn(c.Context(), s.Subject(), id)
	switch {
	case errors.Is(err, core.ErrNotFound):
		_ = s.AddFlash("info", "That device was not signed in any more.")
	case err != nil:
		return err
	default:
		_ = s.AddFlash("info", "That device is signed out.")
	}
	return c.Redirect().Status(fiber.StatusSeeOther).To("/devices")
}

func (a account) revokeOthers(c fiber.Ctx, s *core.Session) error {
	_, err := a.m.RevokeSubject(c.Context(), s.Subject(), s.ID())
	if err != nil {
		return err
	}
	_ = s.AddFlash("info", "You are signed out everywhere else.")
	return c.Redirect().Status(fiber.StatusSeeOther).To("/devices")
}
