package core_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// A clock that jumped ahead and back must not silence warnings until it is there again.
func TestWarningsAfterAClockJump(t *testing.T) {
	clock := storetest.NewClock()
	events := map[core.EventKind]int{}
	lines := &strings.Builder{}
	m := newManager(t, core.Config{Now: clock.Now, Observer: countEvents(events), Logger: slog.New(slog.NewTextHandler(lines, nil))})
	b, _, _ := two(t, m)
	clock.Advance(time.Hour * 24)
	b.copyOf().visit(read)
	clock.Advance(-time.Hour * 24)
	before := strings.Count(lines.String(), "WARN")
	clock.Advance(time.Minute)
	b.copyOf().visit(read)
	if n := strings.Count(lines.String(), "WARN"); n != before+1 {
		t.Errorf("%d warnings, then %d", before, n)
	}
}
