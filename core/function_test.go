package core_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// within fails where f does not end.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan bool)
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("no end")
	}
}

// A function given to Update may use its session, and runs once; what it does to the session is done once,
// also where another request was faster.
func TestFunctionThatUsesItsSession(t *testing.T) {
	const other core.Key[int] = "other"
	for what, use := range map[string]func(*core.Session) error{
		"AddFlash": func(s *core.Session) error { return s.AddFlash("info", "once") },
		"Set":      func(s *core.Session) error { return name.Set(s, "inside") },
		"Update":   func(s *core.Session) error { return other.Update(s, func(n int) int { return n + 1 }) },
		"RotateID": (*core.Session).RotateID,
		"ExpireIn": func(s *core.Session) error { return s.ExpireIn(time.Hour) },
		"Save":     func(s *core.Session) error { return s.Save(ctx) },
		"Flashes":  func(s *core.Session) error { _, err := s.Flashes(ctx); return err },
		"test":     (*core.Session).SetTestCookie,
		"Get":      func(s *core.Session) error { _ = count.GetOr(s, 0); return nil },
		"Delete":   func(s *core.Session) error { return name.Delete(s) },
		"nothing":  func(s *core.Session) error { return nil },
		"goroutine": func(s *core.Session) error {
			var wg sync.WaitGroup
			wg.Go(func() { _ = other.Get; _ = s.Keys() })
			wg.Wait()
			return nil
		},
	} {
		for _, faster := range []bool{false, true} {
			within(t, func() {
				b := newBrowser(t, newManager(t, core.Config{}))
				b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, name.Set(s, "n")) })
				r := b.send()
				runs := 0
				err := count.Update(r.s, func(n int) int { runs++; must(t, use(r.s)); return n + 1 })
				must(t, err)
				if runs != 1 {
					t.Errorf("%s: ran %d times", what, runs)
				}
				want := 2
				if faster && what != "RotateID" { // whose old token is late
					b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 10)) })
					want = 11
				}
				if what == "Save" && faster {
					want = 10 // it was saved in between: the other request came after it
				}
				_, err = r.respond(200)
				if what == "Save" && faster {
					return // see TestUpdateIsExactOverASave
				}
				must(t, err)
				if n, _ := b.value(count); n != want {
					t.Errorf("%s, another request faster: %t: count %d, want %d", what, faster, n, want)
				}
				b.visit(func(s *core.Session) {
					list, err := s.Flashes(ctx)
					must(t, err)
					if n := len(list); what == "AddFlash" && n != 1 || what != "AddFlash" && n != 0 {
						t.Errorf("%s: %d messages", what, n)
					}
					if n := other.GetOr(s, 0); what == "Update" && n != 1 {
						t.Errorf("%s: the other key holds %d", what, n)
					}
				})
			})
		}
	}
}

func TestSameKeyInside(t *testing.T) {
	for what, change := range map[string]func(*core.Session) error{
		"Update": func(s *core.Session) error { return count.Update(s, func(n int) int { return n + 10 }) },
		"Set":    func(s *core.Session) error { return count.Set(s, 10) },
		"Delete": count.Delete,
	} {
		within(t, func() {
			r := newBrowser(t, newManager(t, core.Config{})).send()
			runs := 0
			var inner error
			must(t, count.Set(r.s, 1))
			if err := count.Update(r.s, func(n int) int { runs++; inner = change(r.s); return n + 1 }); err != nil {
				t.Errorf("%s: Update: %v", what, err)
			}
			if inner == nil || !strings.Contains(inner.Error(), `key "count" is changed in the function of an Update of this key`) || runs != 1 {
				t.Errorf("%s: ran %d times, the change inside: %v", what, runs, inner)
			}
			if _, err := r.respond(200); err == nil || core.HTTPStatus(err) != 500 {
				t.Errorf("%s: and the error is ignored: %v", what, err)
			}
		})
	}
}

// What ends the session, or empties it, is seen by the function, which runs once more.
func TestFunctionThatClears(t *testing.T) {
	for what, change := range map[string]func(*core.Session) error{
		"Clear": (*core.Session).Clear, "Logout": (*core.Session).Logout,
	} {
		within(t, func() {
			b := newBrowser(t, newManager(t, core.Config{}))
			b.visit(func(s *core.Session) { must(t, count.Set(s, 5)) })
			b.visit(func(s *core.Session) {
				must(t, count.Update(s, func(n int) int { must(t, change(s)); return n + 1 }))
			})
			if n, _ := b.value(count); n != 1 {
				t.Errorf("%s: count %d", what, n)
			}
		})
	}
}

// Goroutines of one request wait for nobody, and lose nothing.
func TestGoroutinesThatUpdateOneKey(t *testing.T) {
	within(t, func() {
		b := newBrowser(t, newManager(t, core.Config{}))
		b.visit(func(s *core.Session) {
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range 50 {
						must(t, count.Update(s, func(n int) int { time.Sleep(time.Microsecond); return n + 1 }))
						must(t, core.Key[int]("other").Update(s, func(n int) int { must(t, name.Set(s, "x")); return n + 1 }))
					}
				})
			}
			wg.Wait()
		})
		if n, _ := b.value(count); n != 800 {
			t.Errorf("count %d", n)
		}
		if n, _ := b.value("other"); n != 800 {
			t.Errorf("other %d", n)
		}
	})
}

// A function that panics leaves no trace: the next Update of the key is none inside of it.
func TestFunctionThatPanics(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		func() {
			defer func() { _ = recover() }()
			_ = count.Update(s, func(int) int { panic("broken") })
		}()
		must(t, count.Update(s, func(n int) int { return n + 1 }))
	})
	if n, _ := b.value(count); n != 1 {
		t.Errorf("count %d", n)
	}
}

// What a function does to its session is done once, too, when a goroutine of the request makes it run anew.
func TestFunctionThatRunsAnewForAGoroutine(t *testing.T) {
	const total core.Key[int] = "total"
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				must(t, count.Update(s, func(n int) int {
					must(t, total.Update(s, func(n int) int { return n + 1 }))
					must(t, s.AddFlash("info", "once"))
					time.Sleep(time.Millisecond)
					return n + 1
				}))
			})
		}
		wg.Wait()
	})
	b.visit(func(s *core.Session) {
		messages, err := s.Flashes(ctx)
		must(t, err)
		if n, all := count.GetOr(s, 0), total.GetOr(s, 0); n != 8 || all != 8 || len(messages) != 8 {
			t.Errorf("count %d, total %d, %d messages, want 8 of each", n, all, len(messages))
		}
	})
}

// A function that waits for its own save, by way of a goroutine or of the response, makes the save fail, and not hang.
func TestFunctionThatWaitsForItsSave(t *testing.T) {
	within(t, func() {
		b := newBrowser(t, newManager(t, core.Config{StoreTimeout: 100 * time.Millisecond}))
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		r := b.send()
		must(t, count.Update(r.s, func(n int) int {
			if n != 1 {
				done := make(chan bool)
				go func() { _ = r.s.Save(ctx); close(done) }()
				<-done
			}
			return n + 1
		}))
		b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 10)) })
		if _, err := r.respond(200); err == nil || !strings.Contains(err.Error(), `"count" did not return`) {
			t.Errorf("%v", err)
		}
		if n, _ := b.value(count); n != 10 {
			t.Errorf("count %d", n)
		}
	})
}

// A function that panics after the response has begun fails the save, and not the process; the session is closed.
func TestFunctionThatPanicsLate(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	_, err := r.x.Commit(ctx, 200)
	must(t, err)
	must(t, count.Update(r.s, func(n int) int { return 10 / n }))
	b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 0)) })
	if err := r.x.Finish(ctx); err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("Finish: %v", err)
	}
	if err := count.Set(r.s, 5); !errors.Is(err, core.ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}

var cart core.Key[[]int] = "cart"

// A panic of an Update function that runs again in Flashes is the handler's, and not the end of the process.
func TestPanicInAReplayIsRecoverable(t *testing.T) {
	if os.Getenv("TESTS_CHILD") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestPanicInAReplayIsRecoverable$", "-test.timeout=20s")
		cmd.Env = append(os.Environ(), "TESTS_CHILD=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("process died: %v\n%.600s", err, out)
		}
		return
	}
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, cart.Set(s, []int{1})); must(t, s.AddFlash("info", "x")) })
	other := b.copyOf()
	r := b.send()
	must(t, cart.Update(r.s, func(c []int) []int { c[0]++; return c }))
	other.visit(func(s *core.Session) { must(t, cart.Set(s, nil)) }) // the other tab empties the cart
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		_, _ = r.s.Flashes(ctx)
	}()
	r.x.Discard()
}

// Update is not exact when a Save with a conflict runs meanwhile.
func TestUpdateIsExactOverASave(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, name.Set(r.s, "x"))
	first := true
	must(t, count.Update(r.s, func(n int) int {
		if first {
			first = false
			done := make(chan error)
			go func() { // another goroutine of this request saves; another request was faster
				b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 100)) })
				done <- r.s.Save(ctx)
			}()
			must(t, <-done)
		}
		return n + 1
	}))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	if n, _ := b.value(count); n != 101 {
		t.Errorf("count = %d, want 101", n)
	}
}
