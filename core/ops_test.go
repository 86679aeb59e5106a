package core_test

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

func TestMergeKeepsDeletesAndClears(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, name.Set(s, "x")); must(t, count.Set(s, 1)) })

	// A removed value does not come back with a slower request that still saw it.
	slow := b.copyOf().send()
	must(t, count.Set(slow.s, 2))
	b.visit(func(s *core.Session) { must(t, name.Delete(s)) })
	if _, err := slow.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if s.Has("name") {
			t.Error("a removed value came back")
		}
		if n, _ := count.Get(s); n != 2 {
			t.Errorf("count = %d", n)
		}
	})

	// What comes after a Clear in the slower request stands; what came before it goes.
	slow = b.copyOf().send()
	must(t, slow.s.Clear())
	must(t, name.Set(slow.s, "new"))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 3)) })
	if _, err := slow.respond(200); err != nil {
		t.Fatal(err)
	}
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "new" || s.Has("count") {
			t.Errorf("after a replayed Clear: %q", s.Keys())
		}
	})
}
