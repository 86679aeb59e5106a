package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func observeSweeps(n *int) func(context.Context, core.Event) {
	return func(_ context.Context, e core.Event) {
		if e.Kind == core.EventSweep {
			*n += e.Size
		}
	}
}

// plain hides the optional abilities of a store, so that core must do without.
type plain struct{ driver.Store }

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
	var store driver.Store = made(memstore.New(memstore.Config{}))
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
	x := m.Begin(ctx, b.header())
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

func TestOutageIsNeverAnonymous(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	fault.Before(storetest.Outage)
	x := m.Begin(ctx, b.header())
	s, err := x.Session(ctx)
	if !errors.Is(err, core.ErrUnavailable) || s == nil {
		t.Fatalf("%v, %v", s, err)
	}
	// A handler that goes on all the same gets no further than its own page,
	if out, err := x.Commit(ctx, 200); err != nil || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
	// and none at all once it wrote.
	x = m.Begin(ctx, b.header())
	s, _ = x.Session(ctx)
	if err := count.Set(s, 2); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("Set: %v", err)
	}
	if out, err := x.Commit(ctx, 200); !errors.Is(err, core.ErrUnavailable) || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
	// A request that does not ask for its session does not notice.
	fault.Reset()
	fault.Before(storetest.Outage)
	x = m.Begin(ctx, b.header())
	if out, err := x.Commit(ctx, 200); err != nil || out.Name != "" || len(fault.Calls()) != 0 {
		t.Errorf("untouched: %+v, %v, %v", out, err, fault.Calls())
	}
	fault.Reset()
	alive(t, b, true)
}

// strange answers with errors and records that no store should.
type strange struct {
	driver.Store
	err   error
	other *driver.Record
}

func (s *strange) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if s.err != nil {
		return driver.Record{}, s.err
	}
	if s.other != nil {
		return *s.other, nil
	}
	return s.Store.Load(ctx, id)
}

func TestStoreThatAnswersNonsense(t *testing.T) {
	store := &strange{Store: plain{made(memstore.New(memstore.Config{}))}}
	m := newManager(t, core.Config{Store: store})
	alice, bob := newBrowser(t, m), newBrowser(t, m)
	alice.visit(func(s *core.Session) { must(t, name.Set(s, "alice")) })
	bob.visit(func(s *core.Session) { must(t, name.Set(s, "bob")) })

	store.err = errors.New("some driver's own error")
	if _, err := m.Begin(ctx, alice.header()).Session(ctx); !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, store.err) {
		t.Errorf("an untyped error: %v", err)
	}
	store.err = nil

	r := bob.send()
	rec, err := store.Load(ctx, r.s.ID())
	must(t, err)
	store.other = &rec
	if s, err := m.Begin(ctx, alice.header()).Session(ctx); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("another session's record: %v, %v", s, err)
	}
}

func TestUnreadableRecordIsAnonymousAndKept(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	damage := func(data []byte) *browser {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		r := b.send()
		rec, err := store.Load(ctx, r.s.ID())
		must(t, err)
		rec.Data = data
		must(t, store.Update(ctx, &rec))
		return b
	}
	for _, data := range [][]byte{nil, {0}, []byte("\x01 nonsense"), {200, 1, 2, 3}, make([]byte, 500)} {
		b := damage(data)
		alive(t, b, false)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
		if n, _ := b.value(count); n != 2 {
			t.Error("no new session after an unreadable one")
		}
	}
	// What a newer release wrote is an outage, not a loss, for who has the token.
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	rec, err := store.Load(ctx, r.s.ID())
	must(t, err)
	rec.Data = bytes.Clone(rec.Data)
	rec.Data[0] = 200
	must(t, store.Update(ctx, &rec))
	if _, err := m.Begin(ctx, b.header()).Session(ctx); !errors.Is(err, core.ErrUnreadable) || core.HTTPStatus(err) != 503 {
		t.Errorf("newer format: %v", err)
	}
}

func TestJunkCreatesNothing(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
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

func TestCookieTossing(t *testing.T) {
	var mu sync.Mutex
	ambiguous := 0
	m := newManager(t, core.Config{Observer: func(_ context.Context, e core.Event) {
		if e.Kind == core.EventAmbiguous {
			mu.Lock()
			defer mu.Unlock()
			ambiguous++
		}
	}})
	mine, theirs := newBrowser(t, m), newBrowser(t, m)
	mine.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	theirs.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })

	both := newBrowser(t, m)
	both.cookie = mine.cookie + "; " + theirs.cookie
	if _, live := both.value(count); live || ambiguous != 1 {
		t.Errorf("two live sessions: alive %v, %d events", live, ambiguous)
	}
	both.cookie = "__Host-session=" + strings.Repeat("A", 43) + "; __Host-session=bad\"; " + mine.cookie
	if n, live := both.value(count); !live || n != 1 {
		t.Error("a live session beside dead ones was not found")
	}
}

func TestFailedStatusAndTimeoutSaveNothing(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	before := b.cookie
	for _, status := range []int{408, 500, 503} {
		r := b.send()
		must(t, count.Set(r.s, 2))
		must(t, r.s.Login("alice"))
		if out, err := r.respond(status); err != nil || out.Name != "" || out.Vary != "Cookie" {
			t.Errorf("%d: %+v, %v", status, out, err)
		}
	}
	late, cancel := context.WithDeadline(ctx, time.Now().Add(-time.Second))
	defer cancel()
	r := b.send()
	must(t, count.Set(r.s, 3))
	if out, err := r.x.Commit(late, 200); !errors.Is(err, core.ErrUnavailable) || out.Name != "" {
		t.Errorf("after a timeout: %+v, %v", out, err)
	}
	if out, err := b.send().x.Commit(late, 200); err != nil || out.Name != "" {
		t.Errorf("a read after a timeout: %+v, %v", out, err)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	r = b.send()
	must(t, name.Set(r.s, "client has gone"))
	if _, err := r.x.Commit(gone, 200); err != nil {
		t.Error(err)
	}
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 1 || s.Subject() != "" || !s.Has("name") || b.cookie != before {
			t.Errorf("count %d, subject %q, keys %q", n, s.Subject(), s.Keys())
		}
	})
}

func TestDiscardSavesNothing(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	must(t, count.Set(r.s, 2))
	r.x.Discard()
	if out, err := r.x.Commit(ctx, 200); err != nil || out.Name != "" {
		t.Errorf("%+v, %v", out, err)
	}
	if n, _ := b.value(count); n != 1 {
		t.Errorf("count = %d", n)
	}
}
