package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// "remember me" sessions, when the operator turns encryption on.
func TestKeysTurnedOn(t *testing.T) {
	for what, set := range map[string]func(*core.Session) error{
		"default": func(s *core.Session) error { return nil },
		"in":      func(s *core.Session) error { return s.ExpireIn(time.Hour) },
		"at":      func(s *core.Session) error { return s.ExpireAt(time.Now().Add(time.Hour)) },
		"browser": (*core.Session).ExpireAtBrowserClose,
	} {
		store := made(memstore.New(memstore.Config{}))
		b := newBrowser(t, newManager(t, core.Config{Store: store}))
		b.visit(func(s *core.Session) {
			must(t, s.Login("alice"))
			must(t, name.Set(s, strings.Repeat("x", 50)))
			must(t, set(s))
		})
		m := newManager(t, core.Config{Store: store, Keys: ring(t, keyring.Generate("k1"))})
		_, err := m.Begin(ctx, b.header()).Session(ctx)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
