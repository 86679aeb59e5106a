package adopt_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
)

// Given a session that another request has taken over, when the old record cannot be removed, then Taken still says so: else
// both requests begin a session.
func TestTakenBeforeAndTheOldStoreIsDown(t *testing.T) {
	c := settings()
	down := false
	c.Find = func(context.Context, string) ([]byte, error) { return gobOf(t, alice), nil }
	c.Delete = func(context.Context, string) error {
		if down {
			return errors.New("down")
		}
		return nil
	}
	a := made.Of(adopt.NewGorilla(c))
	cookies := present("old", write(t, "old", "ID1"))
	first, second := made.Of(a.Adopt(ctx, cookies)), made.Of(a.Adopt(ctx, cookies))
	must(t, first.Taken(ctx))
	down = true
	if err := second.Taken(ctx); !errors.Is(err, core.ErrEnded) {
		t.Errorf("the second takeover stands: %v", err)
	}
}

// An older value of the cookie hides no takeover of a moment ago.
func TestLateBesideAnEarlierTakeover(t *testing.T) {
	clock := storetest.NewClock()
	c := settings()
	c.TakenIn, c.Now = newStore(clock.Now), clock.Now
	a := made.Of(adopt.NewGorilla(c))
	one, two := write(t, "old", alice), write(t, "old", map[any]any{"user": "bob"})
	must(t, made.Of(a.Adopt(ctx, present("old", one))).Taken(ctx))
	clock.Advance(time.Minute)
	must(t, made.Of(a.Adopt(ctx, present("old", two))).Taken(ctx))
	for _, values := range [][]string{{one, two}, {two, one}} {
		if found, err := a.Adopt(ctx, present("old", values...)); found != nil || !errors.Is(err, core.ErrEnded) {
			t.Errorf("%v, %v", found, err)
		}
	}
}

// Given two requests that began before the deadline of the old session and end after it, then one of them at most begins a
// session.
func TestTwoAcrossTheDeadline(t *testing.T) {
	clock := storetest.NewClock()
	c := settings()
	c.TakenIn, c.Now, c.MaxAge = newStore(clock.Now), clock.Now, 2*time.Hour
	a := made.Of(adopt.NewGorilla(c))
	cookies := present("old", write(t, "old", alice))
	for _, before := range []bool{false, true} {
		first, second := made.Of(a.Adopt(ctx, cookies)), made.Of(a.Adopt(ctx, cookies))
		stand := 0
		if before {
			if first.Taken(ctx) == nil {
				stand++
			}
		}
		clock.Advance(3 * time.Hour)
		if !before {
			if first.Taken(ctx) == nil {
				stand++
			}
		}
		if second.Taken(ctx) == nil {
			stand++
		}
		if stand > 1 {
			t.Errorf("%t: %d takeovers", before, stand)
		}
		clock.Advance(-3 * time.Hour)
	}
}
