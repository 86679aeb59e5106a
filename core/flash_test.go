package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestFlashIsSeenOnce(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "one")); must(t, s.AddFlash("error", "two")) })
	var mu sync.Mutex
	seen := map[string]int{}
	var wg sync.WaitGroup
	for range 32 {
		r := b.copyOf().send()
		wg.Go(func() {
			list, err := r.s.Flashes(ctx)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			for _, f := range list {
				seen[f.Text]++
			}
			mu.Unlock()
			if _, err := r.respond(200); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(seen) != 2 || seen["one"] != 1 || seen["two"] != 1 {
		t.Errorf("seen: %v", seen)
	}
}

func TestFlashOrderAndMix(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		must(t, s.AddFlash("info", "1"))
		must(t, s.AddFlash("info", "2"))
		if len(s.Keys()) != 0 {
			t.Errorf("messages among the values: %q", s.Keys())
		}
	})
	b.visit(func(s *core.Session) {
		must(t, count.Set(s, 5))
		must(t, s.AddFlash("info", "3"))
		list, err := s.Flashes(ctx)
		if err != nil || fmt.Sprint(list) != "[{info 1} {info 2} {info 3}]" {
			t.Errorf("%v, %v", list, err)
		}
		must(t, s.AddFlash("info", "4"))
	})
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 5 {
			t.Errorf("count = %d", n)
		}
		must(t, s.Save(ctx))
		list, _ := s.Flashes(ctx)
		if fmt.Sprint(list) != "[{info 4}]" {
			t.Errorf("%v", list)
		}
	})
}

func TestMessageBeforeSignIn(t *testing.T) {
	m := newManager(t, core.Config{})
	for _, where := range []string{"same request", "next request"} {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "please sign in")) })
		got := 0
		show := func(s *core.Session) {
			list, err := s.Flashes(ctx)
			must(t, err)
			got += len(list)
		}
		b.visit(func(s *core.Session) {
			must(t, s.Login("alice"))
			if where == "same request" {
				show(s)
			}
		})
		b.visit(show)
		b.visit(show)
		if got != 1 {
			t.Errorf("%s: shown %d times", where, got)
		}
	}
}

func TestFlashesAfterLoginAndClear(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "secret of alice")) })
	b.visit(func(s *core.Session) {
		must(t, s.Login("bob"))
		must(t, s.AddFlash("info", "hello bob"))
		f, err := s.Flashes(ctx)
		if len(f) != 1 {
			t.Errorf("login: %v %v", f, err)
		}
	})
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b.visit(func(s *core.Session) {
		must(t, s.AddFlash("info", "x"))
		must(t, s.Clear())
		must(t, s.AddFlash("info", "y"))
		f, err := s.Flashes(ctx)
		if len(f) != 1 {
			t.Errorf("clear: %v %v", f, err)
		}
	})
}

// Flashes takes a touch back.
func TestFlashesTakeNoTouchBack(t *testing.T) {
	clock := time.Now()
	now := func() time.Time { return clock }
	store := made.Of(memstore.New(memstore.Config{Now: now}))
	m := newManager(t, core.Config{Store: store, Now: now, IdleTimeout: time.Hour, TouchInterval: time.Minute})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("", "x")) })
	clock = clock.Add(59 * time.Minute)
	r := b.send()
	b.copyOf().visit(nil) // touches
	_, err := r.s.Flashes(ctx)
	must(t, err)
	_, _ = r.respond(http.StatusInternalServerError)
	clock = clock.Add(2 * time.Minute)
	if _, live := b.value(count); !live {
		t.Error("used two minutes ago, IdleTimeout an hour, and gone")
	}
}

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

// add leaves the messages from to to-1, each named after who leaves it, and moves the clock by step after each.
func add(t *testing.T, s *core.Session, clock *storetest.Clock, step time.Duration, who string, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		must(t, s.AddFlash("info", fmt.Sprint(who, i)))
		clock.Advance(step)
	}
}

// named returns what add leaves.
func named(who string, from, to int) (names []string) {
	for i := from; i < to; i++ {
		names = append(names, fmt.Sprint(who, i))
	}
	return names
}

func shows(t *testing.T, s *core.Session, want ...[]string) {
	t.Helper()
	list, err := s.Flashes(ctx)
	must(t, err)
	var got []string
	for _, f := range list {
		got = append(got, f.Text)
	}
	if !slices.Equal(got, slices.Concat(want...)) {
		t.Errorf("messages %q, want %q", got, slices.Concat(want...))
	}
}

// A hundred messages come as they were added, in one request, in two, and over a Save, however the clock goes.
func TestFlashesComeAsTheyWereAdded(t *testing.T) {
	for _, step := range []time.Duration{0, 1, -1, -time.Second, time.Hour} {
		t.Run(step.String(), func(t *testing.T) {
			clock := storetest.NewClock()
			m := newManager(t, core.Config{Now: clock.Now, Lifetime: 400 * 24 * time.Hour, IdleTimeout: 400 * 24 * time.Hour})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); add(t, s, clock, step, "one ", 0, 100) })
			b.visit(func(s *core.Session) { shows(t, s, named("one ", 0, 100)) })

			b.visit(func(s *core.Session) { add(t, s, clock, step, "first ", 0, 50) })
			b.visit(func(s *core.Session) {
				add(t, s, clock, step, "second ", 0, 25)
				must(t, s.Save(ctx))
				add(t, s, clock, step, "second ", 25, 50)
			})
			b.visit(func(s *core.Session) { shows(t, s, named("first ", 0, 50), named("second ", 0, 50)) })

			b.visit(func(s *core.Session) { add(t, s, clock, step, "before ", 0, 5) })
			b.visit(func(s *core.Session) {
				add(t, s, clock, step, "here ", 0, 5)
				shows(t, s, named("before ", 0, 5), named("here ", 0, 5))
			})
		})
	}
}

// Requests that overlap: what one adds while the clock stands still comes after what the other has stored, and each
// one's messages keep their order. The clock decides where it goes.
func TestFlashesAfterAConflict(t *testing.T) {
	for range 20 { // the order was a matter of luck
		clock := storetest.NewClock()
		m := newManager(t, core.Config{Now: clock.Now})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })

		slow, quick := b.copyOf().send(), b.copyOf().send()
		add(t, quick.s, clock, 0, "quick ", 0, 10)
		respond(t, quick)
		add(t, slow.s, clock, 0, "slow ", 0, 10)
		respond(t, slow)
		b.visit(func(s *core.Session) { shows(t, s, named("quick ", 0, 10), named("slow ", 0, 10)) })

		slow, quick = b.copyOf().send(), b.copyOf().send()
		add(t, slow.s, clock, time.Second, "slow ", 0, 3)
		add(t, quick.s, clock, time.Second, "quick ", 0, 3)
		respond(t, quick)
		add(t, slow.s, clock, time.Second, "slow ", 3, 6)
		respond(t, slow)
		b.visit(func(s *core.Session) { shows(t, s, named("slow ", 0, 3), named("quick ", 0, 3), named("slow ", 3, 6)) })

		// The request that shows the messages has some of its own.
		slow, quick = b.copyOf().send(), b.copyOf().send()
		add(t, slow.s, clock, time.Second, "slow ", 0, 3)
		add(t, quick.s, clock, time.Second, "quick ", 0, 3)
		respond(t, quick)
		add(t, slow.s, clock, time.Second, "slow ", 3, 6)
		must(t, slow.s.Save(ctx)) // it has seen none of the quick one's before
		shows(t, slow.s, named("slow ", 0, 3), named("quick ", 0, 3), named("slow ", 3, 6))
		respond(t, slow)
	}
}

func respond(t *testing.T, r *request) {
	t.Helper()
	_, err := r.respond(200)
	must(t, err)
}

// Given a message that cannot be read, when the messages are asked for, then the Observer hears that one is lost.
func TestLostMessageIsAnEvent(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	var lost []error
	m := newManager(t, core.Config{Store: store, Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventDecode {
			lost = append(lost, e.Err)
		}
	}})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) {
		must(t, s.AddFlash("a", "hello"))
		must(t, s.AddFlash("b", "world"))
		id = s.ID()
	})
	rec, err := store.Load(ctx, id)
	must(t, err)
	rec.Data = bytes.Replace(rec.Data, []byte(`{"level":"a"`), []byte(`["level","a"`), 1)
	must(t, store.Update(ctx, &rec))
	b.visit(func(s *core.Session) {
		list, err := s.Flashes(ctx)
		must(t, err)
		if len(list) != 1 || list[0].Text != "world" {
			t.Errorf("messages: %v", list)
		}
	})
	var undecoded *core.ValueError
	if len(lost) != 1 || !errors.As(lost[0], &undecoded) {
		t.Errorf("events: %v", lost)
	}
}

func TestTestCookie(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		if s.TestCookieWorked() {
			t.Error("worked before it was set")
		}
		must(t, s.SetTestCookie())
	})
	b.visit(func(s *core.Session) {
		if !s.TestCookieWorked() || s.Len() != 0 {
			t.Error("did not work")
		}
		must(t, s.DeleteTestCookie())
	})
	b.visit(func(s *core.Session) {
		if s.TestCookieWorked() {
			t.Error("still there")
		}
	})
}

// TestFlashesByLevel: stored messages and those of the request itself, with a store and in the cookie.
func TestFlashesByLevel(t *testing.T) {
	for kind, m := range map[string]*core.Manager{
		"records": newManager(t, core.Config{}),
		"tokens":  cookieManager(t, cookiestore.NoRevocation(), core.Config{}),
	} {
		t.Run(kind, func(t *testing.T) {
			b := newBrowser(t, m)
			texts := func(list []core.Flash, err error) string {
				t.Helper()
				must(t, err)
				var all []string
				for _, f := range list {
					all = append(all, f.Level+" "+f.Text)
				}
				return strings.Join(all, ", ")
			}
			is := func(what, got, want string) {
				t.Helper()
				if got != want {
					t.Errorf("%s: %q, want %q", what, got, want)
				}
			}
			b.visit(func(s *core.Session) {
				must(t, s.AddFlash("info", "1"))
				must(t, s.AddFlash("error", "2"))
				must(t, s.AddFlash("info", "3"))
			})
			b.visit(func(s *core.Session) {
				is("a look at all", texts(s.PeekFlashes()), "info 1, error 2, info 3")
				is("a look at one level", texts(s.PeekFlashes("error")), "error 2")
				if s.Modified() {
					t.Error("a look has changed something")
				}
			})
			b.visit(func(s *core.Session) {
				must(t, s.AddFlash("error", "4"))
				must(t, s.AddFlash("info", "5"))
				is("one level", texts(s.Flashes(ctx, "error", "fatal")), "error 2, error 4")
				is("the rest", texts(s.PeekFlashes()), "info 1, info 3, info 5")
			})
			b.visit(func(s *core.Session) {
				is("a level that has gone", texts(s.Flashes(ctx, "error")), "")
				is("all", texts(s.Flashes(ctx)), "info 1, info 3, info 5")
				is("afterwards", texts(s.PeekFlashes()), "")
			})
		})
	}
}
