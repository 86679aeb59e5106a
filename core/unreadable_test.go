package core_test

import (
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

type renamed struct{ core.Codec }

func (renamed) Name() string { return "other" }

// A cookie whose record this release cannot read: sign-out and sign-in still end it.
func TestUnreadableToken(t *testing.T) {
	for what, end := range map[string]func(*core.Session) error{
		"logout": (*core.Session).Logout, "login": func(s *core.Session) error { return s.Login("alice") },
	} {
		for mode, revocation := range map[string]cookiestore.Revocation{
			"revoking": cookiestore.RevokeIn(memstore.New(memstore.Config{})), "none": cookiestore.NoRevocation(),
		} {
			store, err := cookiestore.New(ring(t, keyring.Generate("k1")), revocation)
			must(t, err)
			newer := newManager(t, core.Config{Store: store, Codec: renamed{core.JSON}})
			b := newBrowser(t, newer)
			b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
			old := b.copyOf()
			x := newManager(t, core.Config{Store: store}).Begin(ctx, b.header())
			s, err := x.Session(ctx)
			if !errors.Is(err, core.ErrUnreadable) {
				t.Fatal(err)
			}
			must(t, end(s))
			out, err := x.Commit(ctx, 200)
			if err != nil || out.Name == "" {
				t.Errorf("%s, %s: %+v, %v", what, mode, out, err)
			}
			alive(t, old, mode == "none")
		}
	}
}
