package core_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

func TestPopDeleteClear(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)); must(t, name.Set(s, "x")) })
	first := b.cookie
	b.visit(func(s *core.Session) {
		if n, err := count.Pop(s); n != 1 || err != nil {
			t.Errorf("Pop = %d, %v", n, err)
		}
		if s.Has("count") {
			t.Error("popped value is still there")
		}
	})
	b.visit(func(s *core.Session) {
		if s.Has("count") || !s.Has("name") {
			t.Errorf("keys after Pop: %q", s.Keys())
		}
		must(t, s.Clear())
	})
	b.visit(func(s *core.Session) {
		if s.Len() != 0 || s.IsNew() {
			t.Errorf("after Clear: %d values, new %v; the session itself should be kept", s.Len(), s.IsNew())
		}
	})
	if b.cookie != first {
		t.Error("Clear changed the token")
	}
}

func TestUntypedAccess(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 5)) })
	b.visit(func(s *core.Session) {
		raw, err := s.Raw("count")
		if string(raw) != "5" || err != nil {
			t.Errorf("Raw = %q, %v", raw, err)
		}
		raw[0] = '9'
		var n int
		if err := s.Decode("count", &n); n != 5 || err != nil {
			t.Errorf("Decode = %d, %v: Raw gave out the session's own bytes?", n, err)
		}
		if err := s.Decode("none", &n); !errors.Is(err, core.ErrNoValue) {
			t.Errorf("Decode of nothing: %v", err)
		}
	})
}

func TestValues(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		must(t, name.Set(s, "alice"))
		must(t, count.Set(s, 1))
		must(t, s.AddFlash("info", "hello"))
	})
	b.visit(func(s *core.Session) {
		must(t, other.Set(s, 2))
		var got []string
		for key, value := range s.Values() {
			got = append(got, key+"="+string(value))
			clear(value)
			must(t, count.Update(s, func(n int) int { return n + 1 })) // the body may change the session
		}
		if want := []string{"count=1", `name="alice"`, "other=2"}; !slices.Equal(got, want) {
			t.Errorf("Values: %q, want %q", got, want)
		}
		for range s.Values() {
			break
		}
		if n, u := count.GetOr(s, 0), name.GetOr(s, ""); n != 4 || u != "alice" {
			t.Errorf("afterwards: %d, %q", n, u)
		}
	})
}
