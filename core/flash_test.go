package core_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Messages keep their order where the clock stands still or goes back, as clocks of tests do.
func TestFlashOrderByAStillClock(t *testing.T) {
	clock := storetest.NewClock()
	m := newManager(t, core.Config{Now: clock.Now})
	for range 20 {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) {
			for i := range 4 {
				must(t, s.AddFlash("i", fmt.Sprint(i)))
			}
		})
		clock.Advance(-time.Minute)
		b.visit(func(s *core.Session) { must(t, s.AddFlash("i", "4")) })
		b.visit(func(s *core.Session) {
			list, err := s.Flashes(ctx)
			must(t, err)
			var order strings.Builder
			for _, f := range list {
				order.WriteString(f.Text)
			}
			if order.String() != "01234" {
				t.Errorf("order %s", order.String())
			}
		})
	}
}
