package core_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The Nth call to the store fails, for every N: no success is reported, the
// old state stands, and the next request is as if nothing had happened.
func TestNthStoreCallFails(t *testing.T) {
	for change, changeIt := range changes {
		for _, bare := range []bool{false, true} {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprint(change, "/plain=", bare, "/after=", after), func(t *testing.T) {
					for n := 1; n < 10; n++ {
						if !nthFails(t, change, changeIt, n, bare, after) {
							return
						}
					}
					t.Error("no end of store calls")
				})
			}
		}
	}
}

// nthFails runs one request whose nth call fails, and reports whether it came to that.
func nthFails(t *testing.T, claims string, change func(*testing.T, *core.Session), n int, bare, after bool) bool {
	var store driver.Store = made.Of(memstore.New(memstore.Config{}))
	if bare {
		store = plain{store}
	}
	fault := storetest.NewFault(store)
	m := newManager(t, core.Config{Store: fault.Store(), TouchInterval: time.Microsecond})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) {
		must(t, s.Login("alice"))
		must(t, count.Set(s, 1))
		must(t, s.AddFlash("info", "x"))
	})
	time.Sleep(10 * time.Microsecond)
	fault.Reset()
	failed := false
	hook := func(c storetest.Call) error {
		if c.N != n {
			return nil
		}
		failed = true
		return storetest.Outage(c)
	}
	if after {
		fault.After(hook)
	} else {
		fault.Before(hook)
	}
	x := m.Adapter().Begin(ctx, b.header())
	s, err := x.Session(ctx)
	out := core.Out{}
	if err == nil {
		tolerate(t, change, s)
		out, err = x.Commit(ctx, 200)
	}
	if !failed {
		if err != nil {
			t.Errorf("call %d did not fail, yet: %v", n, err)
		}
		return false
	}
	fault.Reset()
	if err == nil {
		// The store did it and lost only its answer, and that could be proved; or another call did as
		// well, which is Delete for a Logout; or it was a Touch, of which the response claims nothing.
		switch {
		case claims == "nothing" || claims == "flashes":
		case claims == "logout":
			if _, live := b.value(count); live || !strings.Contains(out.Value, "Max-Age=0") {
				t.Errorf("call %d failed, the response claims a logout: %+v", n, out)
			}
		case !after:
			t.Errorf("call %d failed and the response claims success: %+v", n, out)
		}
		return true
	}
	if core.HTTPStatus(err) != 503 || !errors.Is(err, core.ErrUnavailable) || out.Name != "" {
		t.Errorf("call %d failed: %+v, %v", n, out, err)
	}
	if after {
		return true // an unacknowledged change may have been made
	}
	if v, live := b.value(count); !live || v != 1 {
		t.Errorf("call %d failed: old state is %d, alive %v", n, v, live)
	}
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" {
			t.Errorf("call %d failed: subject %q", n, s.Subject())
		}
		must(t, name.Set(s, "next"))
	})
	return true
}

// tolerate runs change, whose own errors a handler might ignore.
func tolerate(t *testing.T, change func(*testing.T, *core.Session), s *core.Session) {
	done := make(chan struct{})
	go func() { // must ends the goroutine of the failing call, not the test
		defer close(done)
		change(new(testing.T), s)
	}()
	<-done
}

// Given a store whose client sends a write twice, because it has lost the first answer, when the second attempt meets
// the first one, then the change counts once.
func TestWriteThatMeetsItself(t *testing.T) {
	for name, do := range map[string]func(s *core.Session) error{
		"Update": func(s *core.Session) error { return count.Update(s, func(n int) int { return n + 1 }) },
		"RotateID": func(s *core.Session) error {
			return errors.Join(s.RotateID(), count.Update(s, func(n int) int { return n + 1 }))
		},
		"Delete": func(s *core.Session) error { return count.Delete(s) }, // the session vanishes
	} {
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		lost := 0
		fault.After(func(c storetest.Call) error {
			if c.Method == "Update" && lost == 0 {
				lost++
				return driver.ErrConflict
			}
			return nil
		})
		b.visit(func(s *core.Session) { must(t, do(s)) })
		want := 2
		if name == "Delete" {
			want = 0
		}
		b.visit(func(s *core.Session) {
			if n := count.GetOr(s, 0); n != want || lost != 1 {
				t.Errorf("%s: count %d, want %d; %d answers were lost", name, n, want, lost)
			}
		})
	}
}
