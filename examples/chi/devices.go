package main

import (
	"errors"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

// account has the pages on which users see and end their own sessions.
type account struct{ m *core.Manager }

func (a account) devices(w http.ResponseWriter, r *http.Request, s *core.Session) {
	page, err := shop.DevicesPage(a.m.Sessions(r.Context(), s.Subject()), s.ID())
	if err != nil {
		fail(w, r, err)
		return
	}
	show(w, r, s, http.StatusOK, "devices.html", page)
}

func (a account) revoke(w http.ResponseWriter, r *http.Request, s *core.Session) {
	// A form can name any session: RevokeOwn ends only the user's own.
	id, _ := core.ParseID(r.PostFormValue("id"))
	err := a.m.RevokeOwn(r.Context(), s.Subject(), id)
	switch {
	case errors.Is(err, core.ErrNotFound):
		_ = s.AddFlash("info", "That device was not signed in any more.")
	case err != nil:
		fail(w, r, err)
		return
	default:
		_ = s.AddFlash("info", "That device is signed out.")
	}
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}

func (a account) revokeOthers(w http.ResponseWriter, r *http.Request, s *core.Session) {
	_, err := a.m.RevokeSubject(r.Context(), s.Subject(), s.ID())
	if err != nil {
		fail(w, r, err)
		return
	}
	_ = s.AddFlash("info", "You are signed out everywhere else.")
	http.Redirect(w, r, "/devices", http.StatusSeeOther)
}
