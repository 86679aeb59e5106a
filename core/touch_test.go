package core_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
)

// A cookie that is as full as can be, and then is only read: that its deadline cannot move is reported.
func TestFullCookieThatNeedsATouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := map[core.EventKind]int{}
		m := cookieManager(t, cookiestore.NoRevocation(), core.Config{Observer: countEvents(events), SweepInterval: -1})
		b := newBrowser(t, m)
		for n := 3000; ; n-- {
			r := b.send()
			must(t, name.Set(r.s, strings.Repeat("x", n)))
			if _, err := r.respond(200); err == nil {
				break
			}
		}
		clear(events)
		died := false
		for range 40 {
			time.Sleep(24 * time.Hour)
			r := b.send()
			died = died || r.s.IsNew()
			if _, err := r.respond(200); err != nil {
				t.Fatal(err)
			}
		}
		if died && events[core.EventDropped] == 0 {
			t.Errorf("a session that was used daily died, and nobody was told: %v", events)
		}
	})
}
