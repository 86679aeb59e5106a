package main

import (
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

// account has the pages on which users see and end their own sessions.
type account struct{ m *core.Manager }

func (a account) devices(c *gin.Context, s *core.Session) {
	page, err := shop.DevicesPage(a.m.Sessions(c.Request.Context(), s.Subject()), s.ID())
	if err != nil {
		fail(c, err)
		return
	}
	show(c, s, http.StatusOK, "devices.html", page)
}

func (a account) revoke(c *gin.Context, s *core.Session) {
	// A form can name any session: RevokeOwn ends only the user's own.
	id, _ := core.ParseID(c.PostForm("id"))
	err := a.m.RevokeOwn(c.Request.Context(), s.Subject(), id)
	switch {
	case errors.Is(err, core.ErrNotFound):
		_ = s.AddFlash("info", "That device was not signed in any more.")
	case err != nil:
		fail(c, err)
		return
	default:
		_ = s.AddFlash("info", "That device is signed out.")
	}
	c.Redirect(http.StatusSeeOther, "/devices")
}

func (a account) revokeOthers(c *gin.Context, s *core.Session) {
	_, err := a.m.RevokeSubject(c.Request.Context(), s.Subject(), s.ID())
	if err != nil {
		fail(c, err)
		return
	}
	_ = s.AddFlash("info", "You are signed out everywhere else.")
	c.Redirect(http.StatusSeeOther, "/devices")
}
