package core_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestJunkCreatesNothing(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	fault := storetest.NewFault(store)
	m := newManager(t, core.Config{Store: fault.Store()})
	real := newBrowser(t, m)
	real.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	_, token, _ := strings.Cut(real.cookie, "=")
	fault.Reset()
	junk := []string{
		"", "=", "; ;", "__Host-session", "__Host-session=", "__Host-session=x", `__Host-session="` + token + `"`,
		"__host-session=" + token, "__Host-session=" + token + "A", "__Host-session=" + token[1:], "__Host-session=" + strings.Repeat("A", 43),
		"__Host-session=../../etc/passwd", "__Host-session=\x00", "__Host-session=" + strings.Repeat("a", 10000),
		"__Host-session=" + strings.Repeat("A", 43) + "; __Host-session=" + strings.Repeat("B", 42) + "A",
		strings.Repeat("__Host-session=a; ", 1000), strings.Repeat("a=b; ", 5000),
	}
	for i := range 10000 {
		b := newBrowser(t, m)
		b.cookie = junk[i%len(junk)]
		out := b.visit(func(s *core.Session) {
			if i%2 == 0 {
				must(t, s.Logout())
				must(t, s.Clear())
				must(t, s.RotateID())
				must(t, s.ExpireIn(time.Hour))
			}
			if !s.IsNew() {
				t.Fatalf("junk %q is a session", b.cookie)
			}
		})
		if out.Name != "" {
			t.Fatalf("junk %q got %q", b.cookie, out.Value)
		}
	}
	calls := fault.Calls()
	if calls["Create"]+calls["Update"]+calls["Touch"]+calls["Delete"]+calls["Succeed"] != 0 || records(t, store) != 1 {
		t.Errorf("writes: %v, %d records", calls, records(t, store))
	}
}

func TestOneRequestManyGoroutines(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	r := b.send()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 20 {
				must(t, count.Update(r.s, func(n int) int { _ = r.s.Has("name"); return n + 1 }))
				must(t, core.Key[int](fmt.Sprint("k", i)).Set(r.s, i))
				_, _, _ = r.s.Keys(), r.s.ID(), r.s.ExpiresAt()
				if err := r.s.Save(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	if n, _ := b.value(count); n != 320 {
		t.Errorf("count = %d", n)
	}
}

// A Save whose answer is lost, and which cannot be looked at just then, is done again by Commit: the counter counts twice.
func TestSaveLostThenCommitCountsOnce(t *testing.T) {
	for _, how := range []string{"look fails", "another writes"} {
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		other := b.copyOf()
		r := b.send()
		must(t, count.Update(r.s, func(n int) int { return n + 1 }))
		state := 0
		fault.After(func(c storetest.Call) error {
			switch {
			case state == 0 && c.Method == "Update":
				state = 1
				if how == "another writes" {
					state = 3
					other.visit(func(s *core.Session) { must(t, name.Set(s, "x")) })
					state = 2
				}
				return driver.ErrUnavailable
			case state == 1 && c.Method == "Load":
				state = 2
				return driver.ErrUnavailable
			}
			return nil
		})
		serr := r.s.Save(ctx)
		_, err := r.respond(200)
		fault.Reset()
		n, _ := b.value(count)
		if n > 2 || err == nil && n != 2 {
			t.Errorf("%s: Save: %v, Commit: %v, count = %d, want 2", how, serr, err, n)
		}
	}
}

// The same, and Flashes comes between.
func TestSaveLostThenFlashesThenCommit(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("info", "x")) })
	r := b.send()
	must(t, count.Update(r.s, func(n int) int { return n + 1 }))
	state := 0
	fault.After(func(c storetest.Call) error {
		if state == 0 && c.Method == "Update" || state == 1 && c.Method == "Load" {
			state++
			return driver.ErrUnavailable
		}
		return nil
	})
	serr := r.s.Save(ctx)
	_, ferr := r.s.Flashes(ctx)
	_, err := r.respond(200)
	fault.Reset()
	if n, _ := b.value(count); n > 2 || err == nil && n != 2 {
		t.Errorf("Save: %v, Flashes: %v, Commit: %v, count = %d, want 2", serr, ferr, err, n)
	}
}

// TestLoginSaveLostThenCommit: a Login has ended the session and does not know it, since its answer is lost, and so is
// that of the look. The handler passes over the error of Save. Done again by Commit, the Login would find a session that
// a Login has ended, and begin one beside it, with what the request has loaded: what another request has stored
// since would be gone under a 200.
func TestLoginSaveLostThenCommit(t *testing.T) {
	// Which of these calls is lost. The first meets the other request's write; in two steps, the second gives the new
	// session what that has stored.
	lost := map[string]int{"one step": 2, "two steps": 3}
	for kind, open := range kinds {
		fault := storetest.NewFault(open())
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
		r := b.send()
		b.copyOf().visit(func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) })
		must(t, r.s.Login("alice"))
		ends := 0
		fault.After(func(c storetest.Call) error {
			if c.Method == "Update" || c.Method == "Succeed" {
				ends++
			}
			if ends >= lost[kind] && c.Method != "Delete" {
				return driver.ErrUnavailable
			}
			return nil
		})
		serr := r.s.Save(ctx)
		fault.Reset()
		_, err := r.respond(200)
		n, live := b.value(count)
		if serr == nil || err == nil && n != 2 {
			t.Errorf("%s: Save: %v, Commit: %v, count = %d, live: %t; want a 503, or 2", kind, serr, err, n, live)
		}
	}
}
