package core_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// A session that begins, or is given a second, a second after the rough clock has moved.
func TestShortLifeByTheRoughClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		b.visit(read)
		time.Sleep(995 * time.Millisecond)
		b.visit(func(s *core.Session) { must(t, s.ExpireIn(time.Second)) })
		time.Sleep(500 * time.Millisecond)
		alive(t, b, true)
	})
}
