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

// Given a token that a rotation has just replaced, when a client sends a Logout with it again and again, then the log has
// one line above DEBUG.
func TestLateLogoutsAreQuiet(t *testing.T) {
	log, lines := logged()
	m := newManager(t, core.Config{Logger: log})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	late := *b
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	for range 50 {
		again := late
		again.visit(func(s *core.Session) { must(t, s.Logout()) })
	}
	if n := lines("INFO", "Logout") + lines("WARN", "Logout"); n != 1 {
		t.Errorf("%d lines", n)
	}
}
