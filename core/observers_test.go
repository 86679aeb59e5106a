package core_test

import (
	"context"
	"log/slog"
	"slices"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

func TestObservers(t *testing.T) {
	var seen []string
	observer := func(name string) func(context.Context, core.Event) {
		return func(_ context.Context, e core.Event) {
			if seen = append(seen, name); name == "bad" {
				panic(name)
			}
		}
	}
	if core.Observers() != nil || core.Observers(nil, nil) != nil {
		t.Error("of none, want nil: an Observer costs time")
	}
	core.Observers(nil, observer("alone"))(ctx, core.Event{})
	list := []func(context.Context, core.Event){observer("a"), observer("bad"), nil, observer("b"), observer("bad"), observer("c")}
	all := core.Observers(list...)
	clear(list) // the caller's
	m := newManager(t, core.Config{Observer: all, Logger: slog.New(slog.DiscardHandler)})
	newBrowser(t, m).visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	if want := []string{"alone", "a", "bad", "b", "bad", "c"}; !slices.Equal(seen, want) {
		t.Errorf("called %q, want %q", seen, want)
	}
	quiet := func(context.Context, core.Event) {}
	joined := core.Observers(quiet, quiet, quiet)
	if n := testing.AllocsPerRun(100, func() { joined(ctx, core.Event{}) }); n != 0 {
		t.Errorf("%v allocations for an event", n)
	}
}
