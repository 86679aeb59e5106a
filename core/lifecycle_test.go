package core_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestLifecycle(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("info", "planted")) })
	anonymous := b.copyOf()

	// Login keeps what the visitor did, and what a page was to show them.
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 1 || s.Subject() != "alice" {
			t.Errorf("after Login: %d, %q", n, s.Subject())
		}
		if list, _ := s.Flashes(ctx); len(list) != 1 {
			t.Errorf("messages from before the Login: %v", list)
		}
	})
	if b.cookie == anonymous.cookie {
		t.Error("Login kept the token")
	}
	alive(t, anonymous, false)

	// The same user again: new token, same data. Another user: nothing is left.
	before := b.cookie
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	if n, _ := b.value(count); n != 1 || b.cookie == before {
		t.Errorf("second Login: count %d, token kept %v", n, b.cookie == before)
	}
	b.visit(func(s *core.Session) { must(t, s.Login("bob")); must(t, name.Set(s, "bob's")) })
	b.visit(func(s *core.Session) {
		if s.Has("count") || !s.Has("name") || s.Subject() != "bob" {
			t.Errorf("bob sees %q", s.Keys())
		}
	})

	// Logout, then something new in the same request.
	old := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Logout()); must(t, s.AddFlash("info", "bye")) })
	alive(t, old, false)
	b.visit(func(s *core.Session) {
		list, _ := s.Flashes(ctx)
		if len(list) != 1 || s.Subject() != "" || s.Has("name") {
			t.Errorf("after Logout: %v, %q", list, s.Keys())
		}
	})
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if b.cookie != "" {
		t.Error("the cookie was not deleted")
	}
	out := b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if out.Name != "" {
		t.Errorf("an anonymous logout got %q", out.Value)
	}
}

// Life-cycle calls and saves in every order leave one session or none, and the browser with
// the token of just that one.
func TestLifecycleInAnyOrder(t *testing.T) {
	steps := map[string]func(s *core.Session) error{
		"set":     func(s *core.Session) error { return count.Set(s, 5) },
		"save":    func(s *core.Session) error { return s.Save(ctx) },
		"login":   func(s *core.Session) error { return s.Login("alice") },
		"rotate":  func(s *core.Session) error { return s.RotateID() },
		"destroy": func(s *core.Session) error { return s.Destroy() },
		"clear":   func(s *core.Session) error { return s.Clear() },
		"flash":   func(s *core.Session) error { return s.AddFlash("info", "x") },
		"flashes": func(s *core.Session) error { _, err := s.Flashes(ctx); return err },
	}
	var names []string
	for n := range steps {
		names = append(names, n)
	}
	for _, fresh := range []bool{true, false} {
		for i := range len(names) * len(names) * len(names) * len(names) {
			order := []string{names[i%8], names[i/8%8], names[i/64%8], names[i/512]}
			m := newManager(t, core.Config{Store: made.Of(memstore.New(memstore.Config{}))})
			b := newBrowser(t, m)
			if !fresh {
				b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
			}
			var left int
			var subject string
			b.visit(func(s *core.Session) {
				for _, n := range order {
					if err := steps[n](s); err != nil {
						t.Errorf("%v %v: %v", fresh, order, err)
					}
				}
				left, _ = count.Get(s)
				subject = s.Subject()
			})
			live := 0
			for s, err := range m.All(ctx) {
				must(t, err)
				live++
				if n, _ := count.Get(s); n != left || s.Subject() != subject {
					t.Errorf("%v %v: stored %d %q, the handler saw %d %q", fresh, order, n, s.Subject(), left, subject)
				}
			}
			_, mine := b.value(count)
			if live > 1 || mine != (live == 1) || live == 0 && b.cookie != "" {
				t.Errorf("%v %v: %d sessions, the browser's is live: %v, cookie %q", fresh, order, live, mine, b.cookie)
			}
			if t.Failed() {
				return
			}
			_ = m.Close()
		}
	}
}
