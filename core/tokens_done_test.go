package core_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Given a stream with the cookie store, when RevokeSubject ends the user's sessions elsewhere, then the stream ends within
// its interval; if it names the session, the stream goes on.
func TestRevokeSubjectEndsAStreamWithTheCookieStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		r := b.send()
		defer r.x.Discard()
		done := r.s.Done(time.Second)
		over := func() bool {
			time.Sleep(3 * time.Second)
			select {
			case <-done:
				return true
			default:
				return false
			}
		}
		_, err := m.RevokeSubject(ctx, "alice", r.s.ID())
		must(t, err)
		if over() {
			t.Error("the named session's stream has ended")
		}
		_, err = m.RevokeSubject(ctx, "alice")
		must(t, err)
		if !over() {
			t.Error("the stream goes on")
		}
	})
}
