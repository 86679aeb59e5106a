package core_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
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

// An application's own tests may share a manager between bubbles of synctest, and the rest.
func TestOneManagerInTwoBubbles(t *testing.T) {
	m := newManager(t, core.Config{Store: made.Of(memstore.New(memstore.Config{}))})
	for range 2 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			synctest.Test(t, func(t *testing.T) {
				b := newBrowser(t, m)
				b.cookie = "x=1"
				b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
				time.Sleep(5 * time.Second)
				alive(t, b, true)
			})
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("hangs")
		}
		b := newBrowser(t, m)
		b.cookie = "x=1"
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		alive(t, b, true)
	}
}

// Nor does one that nobody closes hold up the end of a bubble.
func TestNobodyClosesAManager(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{})), SweepInterval: -1})
		must(t, err)
		b := newBrowser(t, m)
		b.cookie = "x=1"
		b.visit(read)
	})
}
