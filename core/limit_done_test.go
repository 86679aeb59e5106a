package core_test

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Given a stream of a session, when a sign-in ends the session since the user has too many, then the stream ends at once,
// and not at its next read.
func TestLimitEndsAStream(t *testing.T) {
	m := newManager(t, core.Config{MaxPerSubject: 1})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	r := b.send()
	done := r.s.Done(time.Hour)
	newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("the stream goes on")
	}
	r.x.Discard()
}
