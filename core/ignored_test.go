package core_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

const channel core.Key[chan int] = "channel"

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

// After the header, nothing is stored in silence either.
func TestIgnoredErrorAfterTheHeader(t *testing.T) {
	v := newIgnored(t)
	r := v.send()
	_, err := r.x.Commit(ctx, 200)
	must(t, err)
	must(t, count.Set(r.s, 2))
	_ = channel.Set(r.s, make(chan int))
	var ve *core.ValueError
	if err := r.x.Finish(ctx); !errors.As(err, &ve) {
		t.Errorf("Finish: %v", err)
	}
	v.told(1, 1)
	if n, _ := v.value(count); n != 1 {
		t.Errorf("count %d", n)
	}
}

type ignored struct {
	*browser
	log    bytes.Buffer
	events map[core.EventKind]int
}

func newIgnored(t *testing.T) *ignored {
	v := &ignored{events: map[core.EventKind]int{}}
	v.browser = newBrowser(t, newManager(t, core.Config{
		Logger: slog.New(slog.NewTextHandler(&v.log, nil)), Observer: countEvents(v.events),
	}))
	v.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, name.Set(s, "no number")) })
	return v
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
