package core_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
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
