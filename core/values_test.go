package core_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
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

func TestTooLarge(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{MaxSize: 1000}))
	b.visit(func(s *core.Session) { must(t, name.Set(s, "small")) })
	r := b.send()
	must(t, name.Set(r.s, strings.Repeat("x", 1000)))
	out, err := r.respond(200)
	if !errors.Is(err, core.ErrTooLarge) || !strings.Contains(err.Error(), "1000") || out.Name != "" {
		t.Errorf("commit: %+v, %v", out, err)
	}
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "small" {
			t.Errorf("old state is gone: %q", v)
		}
	})
}

func TestUseAfterTheRequest(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	r := b.send()
	must(t, count.Set(r.s, 1))
	if _, err := r.respond(200); err != nil {
		t.Fatal(err)
	}
	s := r.s
	for what, err := range map[string]error{
		"Set": count.Set(s, 2), "Update": count.Update(s, func(n int) int { return n }), "Delete": count.Delete(s),
		"Clear": s.Clear(), "Login": s.Login("u"), "Logout": s.Logout(), "RotateID": s.RotateID(),
		"AddFlash": s.AddFlash("a", "b"), "ExpireIn": s.ExpireIn(1e9), "Save": s.Save(ctx), "Err": s.Err(),
	} {
		if !errors.Is(err, core.ErrClosed) {
			t.Errorf("%s after the request: %v", what, err)
		}
	}
	if _, err := count.Get(s); !errors.Is(err, core.ErrClosed) {
		t.Errorf("Get: %v", err)
	}
	if _, err := s.Flashes(ctx); !errors.Is(err, core.ErrClosed) {
		t.Errorf("Flashes: %v", err)
	}
	if s2, err := r.x.Session(ctx); !errors.Is(err, core.ErrClosed) || s2 == nil {
		t.Errorf("Session: %v, %v", s2, err)
	}
}

func TestWithoutMiddleware(t *testing.T) {
	s, err := core.FromContext(ctx)
	if !errors.Is(err, core.ErrNoSession) || s == nil {
		t.Fatalf("FromContext: %v, %v", s, err)
	}
	if err := count.Set(s, 1); !errors.Is(err, core.ErrNoSession) {
		t.Errorf("Set: %v", err)
	}
	_, _, _, _, _ = s.ID(), s.Keys(), s.ExpiresAt(), s.Age(), s.Subject() // no panic
	if err := s.Save(ctx); !errors.Is(err, core.ErrNoSession) {
		t.Errorf("Save: %v", err)
	}
	if _, err := s.Flashes(ctx); !errors.Is(err, core.ErrNoSession) {
		t.Errorf("Flashes: %v", err)
	}
}
