package core_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// An error that a handler ignores fails the request with one line and one event; one that it answers stands; and
// one that it makes good is forgotten.
func TestIgnoredErrors(t *testing.T) {
	wrong := core.Key[int]("name")
	plusOne := func(n int) int { return n + 1 }
	calls := map[string]func(*core.Session) error{
		"Set":      func(s *core.Session) error { return channel.Set(s, make(chan int)) },
		"Update":   func(s *core.Session) error { return wrong.Update(s, plusOne) },
		"Pop":      func(s *core.Session) error { _, err := wrong.Pop(s); return err },
		"Login":    func(s *core.Session) error { return s.Login("") },
		"key":      func(s *core.Session) error { return core.Key[int]("").Set(s, 1) },
		"ExpireIn": func(s *core.Session) error { return s.ExpireIn(0) },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			v := newIgnored(t)
			r := v.send()
			if call(r.s) == nil {
				t.Fatal("no error")
			}
			if _, err := r.respond(200); err == nil || core.HTTPStatus(err) != 500 {
				t.Errorf("ignored: %v", err)
			}
			v.told(1, 1)
			r = v.send()
			_ = call(r.s)
			if _, err := r.respond(400); err != nil {
				t.Errorf("answered: %v", err)
			}
			v.told(0, 1)
			r = v.send()
			_ = call(r.s)
			must(t, r.s.Logout())
			if _, err := r.respond(400); err != nil {
				t.Errorf("answered after Logout: %v", err)
			}
			if _, live := v.value(count); live {
				t.Error("the Logout was not carried out")
			}
		})
	}
}

func TestErrorMadeGood(t *testing.T) {
	for what, mend := range map[string]func(*core.Session) error{
		"Set":    func(s *core.Session) error { return name.Set(s, "new") },
		"Delete": func(s *core.Session) error { return name.Delete(s) },
		"Clear":  (*core.Session).Clear,
	} {
		v := newIgnored(t)
		r := v.send()
		if core.Key[int]("name").Update(r.s, func(n int) int { return n }) == nil {
			t.Fatal("no error")
		}
		must(t, mend(r.s))
		if _, err := r.respond(200); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		v.told(0, 0)
	}
	v := newIgnored(t)
	r := v.send()
	_ = channel.Set(r.s, make(chan int))
	must(t, name.Set(r.s, "another key makes nothing good"))
	if _, err := r.respond(200); err == nil || core.HTTPStatus(err) != 500 {
		t.Errorf("another key: %v", err)
	}
}

// After the header, an error that a call has returned is told once, and the other changes are stored.
func TestIgnoredErrorAfterTheHeader(t *testing.T) {
	v := newIgnored(t)
	r := v.send()
	_, err := r.x.Commit(ctx, 200)
	must(t, err)
	must(t, count.Set(r.s, 2))
	for range 3 {
		if channel.Set(r.s, make(chan int)) == nil {
			t.Error("no error")
		}
	}
	must(t, r.x.Finish(ctx))
	v.told(1, 1)
	if n, _ := v.value(count); n != 2 {
		t.Errorf("count %d", n)
	}
}

// A handler that does it again, and right, is forgiven.
func TestErrorFollowedByTheRightCall(t *testing.T) {
	for what, twice := range map[string]func(*core.Session) (wrong, right error){
		"AddFlash": func(s *core.Session) (error, error) { return s.AddFlash("a", "\xff"), s.AddFlash("a", "?") },
		"ExpireAt": func(s *core.Session) (error, error) { return s.ExpireAt(time.Unix(1, 0)), s.ExpireDefault() },
		"Login":    func(s *core.Session) (error, error) { return s.Login(""), s.Login("guest") },
		"Clear":    func(s *core.Session) (error, error) { return s.AddFlash("a", "\xff"), s.Clear() },
	} {
		v := newIgnored(t)
		r := v.send()
		if wrong, right := twice(r.s); wrong == nil || right != nil {
			t.Errorf("%s: %v, %v", what, wrong, right)
		}
		if _, err := r.respond(200); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		v.told(0, 0)
	}
}

// What clients alone bring about is no line for each request.
func TestNoLineForEachRequest(t *testing.T) {
	v := newIgnored(t)
	crowd := "__Host-session=a; __Host-session=b; __Host-session=c; __Host-session=d; __Host-session=e"
	former := v.cookie
	v.visit(func(s *core.Session) { must(t, s.RotateID()) })
	v.log.Reset()
	for range 20 {
		for _, cookie := range []string{crowd, former} {
			for _, do := range []func(*core.Session) error{(*core.Session).Logout, func(s *core.Session) error { return count.Set(s, 1) }} {
				x := v.m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
				s, err := x.Session(ctx)
				must(t, err)
				_ = do(s)
				_, _ = x.Commit(ctx, 200)
				_ = x.Finish(ctx)
			}
		}
	}
	if n := strings.Count(v.log.String(), "\n"); n > 3 {
		t.Errorf("%d lines for 80 requests: %.1000s", n, v.log.String())
	}
}

type ignored struct {
	*browser
	log    bytes.Buffer
	events map[core.EventKind]int
}

// told checks how many lines the log has, and how many changes the Observer was told of.
func (v *ignored) told(lines, events int) {
	v.tb.Helper()
	if n := strings.Count(v.log.String(), "\n"); n != lines || v.events[core.EventDropped] != events {
		v.tb.Errorf("%d lines and %d events, want %d and %d: %s", n, v.events[core.EventDropped], lines, events, v.log.String())
	}
	v.log.Reset()
	clear(v.events)
}

func newIgnored(t *testing.T) *ignored {
	v := &ignored{events: map[core.EventKind]int{}}
	v.browser = newBrowser(t, newManager(t, core.Config{
		Logger: slog.New(slog.NewTextHandler(&v.log, nil)), Observer: countEvents(v.events),
	}))
	v.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, name.Set(s, "no number")) })
	return v
}
