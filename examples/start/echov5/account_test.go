package main

import (
	"net/http"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// A signed-in user sees the page. No server, no sign-in.
func TestAccount(t *testing.T) {
	m := sessiontest.New(t, core.Config{LoginURL: "/sign-in"})
	if res := m.SignedIn("alice").Get(routes(m.Manager), "/account"); res.StatusCode != http.StatusOK {
		t.Error(res.Status)
	}
}
