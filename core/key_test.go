package core_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

func TestValuesSurviveTheRequest(t *testing.T) {
	type item struct {
		Name string
		N    int
	}
	items := core.Key[[]item]("items")
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		must(t, count.Set(s, 0))
		must(t, name.Set(s, "Zoë <b>&\"\u2028"))
		must(t, items.Set(s, []item{{"a", 1}, {"b", 2}}))
	})
	b.visit(func(s *core.Session) {
		if n, err := count.Get(s); n != 0 || err != nil {
			t.Errorf("a stored zero reads as %d, %v", n, err)
		}
		if v, err := name.Get(s); v != "Zoë <b>&\"\u2028" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
		got, err := items.Get(s)
		if err != nil || len(got) != 2 || got[1].N != 2 {
			t.Errorf("got %v, %v", got, err)
		}
		got[0].Name = "changed" // the caller's own copy
		if again, _ := items.Get(s); again[0].Name != "a" {
			t.Error("what Get returned is shared with the session")
		}
		if keys := s.Keys(); !slices.Equal(keys, []string{"count", "items", "name"}) || s.Len() != 3 {
			t.Errorf("Keys = %q", keys)
		}
	})
}

func TestAbsenceIsNotZero(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		if _, err := count.Get(s); !errors.Is(err, core.ErrNoValue) {
			t.Errorf("Get of nothing: %v", err)
		}
		if n := count.GetOr(s, 7); n != 7 {
			t.Errorf("GetOr = %d", n)
		}
		if _, err := count.Pop(s); !errors.Is(err, core.ErrNoValue) {
			t.Errorf("Pop of nothing: %v", err)
		}
		must(t, count.Delete(s))
		if s.Modified() {
			t.Error("deleting nothing is a change")
		}
	})
	if b.line != "" {
		t.Error("a session without values was created")
	}
}

func TestUndecodableValueHarmsOnlyItsKey(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, name.Set(s, "not a number")); must(t, count.Set(s, 5)) })
	wrong := core.Key[int]("name")
	b.visit(func(s *core.Session) {
		var ve *core.ValueError
		if _, err := wrong.Get(s); !errors.As(err, &ve) || ve.Key != "name" || ve.Type != "int" || ve.Op != "decode" {
			t.Errorf("Get as the wrong type: %v", err)
		}
		must(t, count.Set(s, 6))
	})
	if n, _ := b.value(count); n != 6 {
		t.Errorf("the other key was not saved: %d", n)
	}
}

func TestUnencodableValueFailsTheCommit(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, count.Set(r.s, 2))
	_ = core.Key[float64]("f").Set(r.s, math.Inf(1)) // the error is ignored
	out, err := r.respond(200)
	var ve *core.ValueError
	if !errors.As(err, &ve) || ve.Key != "f" || ve.Type != "float64" || ve.Op != "encode" || out.Name != "" {
		t.Errorf("commit: %+v, %v", out, err)
	}
	if core.HTTPStatus(err) != 500 {
		t.Errorf("status %d", core.HTTPStatus(err))
	}
	if n, _ := b.value(count); n != 1 {
		t.Errorf("a part of the change was saved: %d", n)
	}
}

// ValueError "never holds the value itself".
func TestValueErrorShowsNoValue(t *testing.T) {
	var logged string
	m := newManager(t, core.Config{Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventDecode {
			logged = fmt.Sprint(e.Err)
		}
	}})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) {
		must(t, core.Key[string]("a").Set(s, "hunter2"))
		must(t, core.Key[int]("b").Set(s, 4111111111))
	})
	b.visit(func(s *core.Session) {
		_, err := core.Key[time.Time]("a").Get(s)
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(logged, "hunter2") {
			t.Error(err)
		}
		if _, err := core.Key[int8]("b").Get(s); strings.Contains(err.Error(), "4111111111") {
			t.Error(err)
		}
	})
}

func TestBadKeyNames(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	for _, bad := range []string{"", "\x00flash.1", strings.Repeat("k", 256)} {
		r := b.send()
		if err := core.Key[int](bad).Set(r.s, 1); err == nil || errors.Is(err, core.ErrClosed) {
			t.Errorf("key %q: %v", bad, err)
		}
		if _, err := r.respond(200); err == nil {
			t.Errorf("key %q: the commit did not fail", bad)
		}
	}
}

var errStock = errors.New("not enough left")

// take is the function of a TryUpdate that refuses.
func take(n int) func(int) (int, error) {
	return func(stock int) (int, error) {
		if stock < n {
			return 0, fmt.Errorf("%w: %d", errStock, stock)
		}
		return stock - n, nil
	}
}

func TestTryUpdateRefuses(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 3)) })
	b.visit(func(s *core.Session) {
		must(t, count.TryUpdate(s, take(2)))
		if err := count.TryUpdate(s, take(2)); !errors.Is(err, errStock) || errors.Is(err, core.ErrRefused) {
			t.Errorf("TryUpdate = %v, want what the function returned", err)
		}
		must(t, s.Err()) // a refusal fails no request
		must(t, name.Set(s, "alice"))
	})
	b.visit(func(s *core.Session) {
		if n, u := count.GetOr(s, -1), name.GetOr(s, ""); n != 1 || u != "alice" {
			t.Errorf("stored: %d, %q; want 1 and alice", n, u)
		}
		if err := count.TryUpdate(s, take(2)); err == nil || s.Modified() {
			t.Errorf("a refusal alone: %v, modified %t", err, s.Modified())
		}
	})
	// What cannot be decoded fails the request, as with Update.
	r := b.send()
	wrong := core.Key[[]string]("count")
	var undecoded *core.ValueError
	if err := wrong.TryUpdate(r.s, func(v []string) ([]string, error) { return v, nil }); !errors.As(err, &undecoded) {
		t.Errorf("TryUpdate of another type: %v", err)
	}
	if _, err := r.respond(200); !errors.As(err, &undecoded) {
		t.Errorf("commit: %v", err)
	}
}

// TestTryUpdateRefusesLater: the function agrees, and another request takes the last one before the save.
func TestTryUpdateRefusesLater(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 3)) })
	slow, enough := b.copyOf().send(), b.copyOf().send()
	must(t, count.TryUpdate(slow.s, take(2)))
	must(t, name.Set(slow.s, "slow"))
	must(t, count.TryUpdate(enough.s, take(1)))
	b.visit(func(s *core.Session) { must(t, count.TryUpdate(s, take(2))) })

	if _, err := enough.respond(200); err != nil {
		t.Fatalf("what is agreed to again: %v", err)
	}
	_, err := slow.respond(200)
	if !errors.Is(err, core.ErrRefused) || !errors.Is(err, errStock) || core.HTTPStatus(err) != 409 || core.RetryAfter(err) != "" {
		t.Errorf("commit: %v, status %d", err, core.HTTPStatus(err))
	}
	if strings.Contains(err.Error(), errStock.Error()) {
		t.Errorf("%q shows what the function said", err)
	}
	b.visit(func(s *core.Session) {
		if n, u := count.GetOr(s, -1), name.GetOr(s, ""); n != 0 || u != "" {
			t.Errorf("stored: %d, %q; want 0 and nothing of the refused request", n, u)
		}
	})
}

func takeOrSay(app error) func(int) (int, error) {
	return func(n int) (int, error) {
		if n < 1 {
			return 0, app
		}
		return n - 1, nil
	}
}

// TestRefusalWithAnErrorOfCore: what the function returns may be an error of another session.
func TestRefusalWithAnErrorOfCore(t *testing.T) {
	for _, app := range []error{core.ErrEnded, core.ErrNotFound, core.ErrConflict, core.ErrUnavailable, core.ErrUnreadable, core.ErrCorrupt, driver.ErrExists, core.ErrClosed, core.ErrNoValue} {
		for _, what := range []string{"plain", "login", "rotate", "save"} {
			t.Run(what+" "+app.Error(), func(t *testing.T) {
				var events []core.Event
				var mu sync.Mutex
				logger, lines := logged()
				m := newManager(t, core.Config{Logger: logger, Observer: func(_ context.Context, e core.Event) { mu.Lock(); events = append(events, e); mu.Unlock() }})
				b := newBrowser(t, m)
				b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, name.Set(s, "old")) })
				slow := b.copyOf().send()
				must(t, count.TryUpdate(slow.s, takeOrSay(fmt.Errorf("SECRET: %w", app))))
				must(t, name.Set(slow.s, "new"))
				switch what {
				case "login":
					must(t, slow.s.Login("alice"))
				case "rotate":
					must(t, slow.s.RotateID())
				}
				b.visit(func(s *core.Session) { must(t, count.TryUpdate(s, takeOrSay(app))) })
				events = nil
				if what == "save" {
					err := slow.s.Save(ctx)
					if !errors.Is(err, core.ErrRefused) {
						t.Errorf("Save = %v", err)
					}
					if got := count.GetOr(slow.s, -1); got == -1 {
						_, e := count.Get(slow.s)
						t.Errorf("after the refused Save the session cannot be read: %v", e)
					}
				}
				out, err := slow.respond(200)
				if core.HTTPStatus(err) != 409 || !errors.Is(err, core.ErrRefused) {
					t.Errorf("respond = %v (%d), out %v", err, core.HTTPStatus(err), out)
				}
				if err != nil && strings.Contains(err.Error(), "SECRET") {
					t.Errorf("leak: %v", err)
				}
				if n, live := b.value(count); n != 0 || !live {
					t.Errorf("stored count %d live %v", n, live)
				}
				r := b.send()
				if v := name.GetOr(r.s, ""); v != "old" {
					t.Errorf("stored name %q", v)
				}
				r.x.Discard()
				if n := sessions(t, m); n != 1 {
					t.Errorf("%d sessions", n)
				}
				dropped := 0
				for _, e := range events {
					if e.Kind == core.EventDropped {
						dropped++
						if strings.Contains(e.Err.Error(), "SECRET") {
							t.Error("leak in event")
						}
					}
				}
				if dropped != 1 {
					t.Errorf("%d dropped events", dropped)
				}
				if n := lines("WARN", "not stored"); n != 1 {
					t.Errorf("%d WARN lines", n)
				}
				if n := lines("", "SECRET"); n != 0 {
					t.Errorf("%d lines with SECRET", n)
				}
			})
		}
	}
}

// TestRefusedSaveStaysRefused: the handler has been told; a commit must not do it after all.
func TestRefusedSaveStaysRefused(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	slow := b.copyOf().send()
	must(t, count.TryUpdate(slow.s, take(1)))
	must(t, name.Set(slow.s, "bought"))
	b.visit(func(s *core.Session) { must(t, count.TryUpdate(s, take(1))) })
	if err := slow.s.Save(ctx); !errors.Is(err, core.ErrRefused) || !errors.Is(slow.s.Err(), errStock) {
		t.Fatalf("Save = %v, Err = %v", err, slow.s.Err())
	}
	b.visit(func(s *core.Session) { must(t, count.Set(s, 5)) }) // the function would agree now
	if _, err := slow.respond(200); !errors.Is(err, core.ErrRefused) {
		t.Errorf("respond = %v", err)
	}
	if n, _ := b.value(count); n != 5 {
		t.Errorf("the refused request was stored after all: count %d", n)
	}
}

// TestRefusedSaveMadeGood: as after another failure, what is done to the key since makes it good.
func TestRefusedSaveMadeGood(t *testing.T) {
	for what, then := range map[string]func(s *core.Session) error{
		"Set": func(s *core.Session) error { return count.Set(s, 42) }, "Delete": count.Delete, "Clear": (*core.Session).Clear,
	} {
		b := newBrowser(t, newManager(t, core.Config{}))
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.Login("alice")) })
		slow := b.copyOf().send()
		must(t, count.TryUpdate(slow.s, take(1)))
		b.visit(func(s *core.Session) { must(t, count.TryUpdate(s, take(1))) })
		if err := slow.s.Save(ctx); !errors.Is(err, core.ErrRefused) {
			t.Fatal(err)
		}
		must(t, then(slow.s))
		if _, err := slow.respond(200); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
