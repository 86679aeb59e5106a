package core_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A former token is no theft where the session's present one comes along, however many others do.
func TestReusedBesideItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := map[core.EventKind]int{}
		m := newManager(t, core.Config{RevokeOnReuse: true, Observer: countEvents(events)})
		_, alice, bob := two(t, m)
		former := alice.cookie
		alice.visit(func(s *core.Session) { must(t, s.RotateID()) })
		time.Sleep(time.Minute)
		for _, line := range []string{
			bob.cookie + ";" + former + ";" + alice.cookie, bob.cookie + ";" + alice.cookie + ";" + former, former + ";" + bob.cookie + ";" + alice.cookie,
		} {
			b := newBrowser(t, m)
			b.cookie = line
			b.visit(read)
			alive(t, alice, true)
		}
		if events[core.EventReused] != 0 {
			t.Errorf("%v", events)
		}
	})
}

// Given a session whose token was stolen and replaced, when the old one is used and the store cannot end the session, then
// the log says that it lives.
func TestReuseThatEndsNothingIsLogged(t *testing.T) {
	clock := storetest.NewClock()
	fault := storetest.NewFault(made(memstore.New(memstore.Config{Now: clock.Now})))
	log, lines := logged()
	m := newManager(t, core.Config{Store: fault.Store(), RevokeOnReuse: true, Now: clock.Now, Logger: log})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	stolen := *b
	b.visit(func(s *core.Session) { must(t, s.RotateID()) })
	clock.Advance(time.Minute)
	fault.Before(storetest.On("Delete"))
	stolen.visit(func(s *core.Session) { read(s) })
	if n := lines("WARN", "injected outage") + lines("ERROR", "injected outage"); n == 0 {
		t.Error("the log does not say that the session lives")
	}
	fault.Before(nil)
	alive(t, b, true)
	stolen.visit(func(s *core.Session) { read(s) }) // tried again
	alive(t, b, false)
}
