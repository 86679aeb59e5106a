package core_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Save stored a Login or a RotateID, and the Commit after it fails: nobody is told of the token.
func TestSavedThenCommitFails(t *testing.T) {
	for what, f := range map[string]func(s *core.Session) error{
		"login":  func(s *core.Session) error { return s.Login("alice") },
		"rotate": (*core.Session).RotateID,
	} {
		fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
		r := b.send()
		must(t, f(r.s))
		must(t, r.s.Save(ctx))
		must(t, count.Set(r.s, 2))
		fault.Before(storetest.Outage)
		_, err := r.respond(200)
		fault.Reset()
		if n, _ := b.value(count); n != 1 {
			t.Errorf("%s: %v, and the session is lost to its user", what, err)
		}
	}
}
