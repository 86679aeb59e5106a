package core_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Managers with cookies of different names, or with a cookie and a header, on one store.
func TestNamespaces(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	shop := newManager(t, core.Config{Store: store})
	staff := newManager(t, core.Config{Store: store, Cookie: core.Cookie{Name: "__Host-staff"}})
	api := newManager(t, core.Config{Store: store, Sources: []core.Source{"X-Session"}})
	customer, admin := newBrowser(t, shop), newBrowser(t, staff)
	var ids [2]core.ID
	customer.visit(func(s *core.Session) { must(t, s.Login("42")); ids[0] = s.ID() })
	admin.visit(func(s *core.Session) { must(t, s.Login("42")); ids[1] = s.ID() })
	if n := sessions(t, shop) + sessions(t, staff) + sessions(t, api); n != 2 {
		t.Errorf("the managers list %d sessions together", n)
	}
	for _, m := range []*core.Manager{shop, api} {
		if err := m.Revoke(ctx, ids[1]); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("Revoke of another's ID: %v", err)
		}
		if err := m.RevokeOwn(ctx, "42", ids[1]); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("RevokeOwn of another's ID: %v", err)
		}
		if _, err := m.RevokeSubject(ctx, "42"); err != nil {
			t.Error(err)
		}
	}
	alive(t, customer, false)
	alive(t, admin, true)
	_, token, _ := cut(admin.cookie)
	for _, m := range []*core.Manager{shop, api} {
		s, err := m.Adapter().Begin(ctx, http.Header{"Cookie": {"__Host-session=" + token}, "X-Session": {token}}).Session(ctx)
		if must(t, err); !s.IsNew() || s.Subject() != "" {
			t.Errorf("takes a token of the staff: %v", s)
		}
	}
	// One Namespace shares: a renamed cookie, or a header beside the cookie.
	renamed := newManager(t, core.Config{Store: store, Namespace: "__Host-staff", Sources: []core.Source{"X-Session"}})
	s, err := renamed.Adapter().Begin(ctx, http.Header{"X-Session": {token}}).Session(ctx)
	if must(t, err); s.Subject() != "42" {
		t.Errorf("with the old namespace: %q", s.Subject())
	}
}
