package core_test

import (
	"math"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

func TestFlashesAfterLoginAndClear(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "secret of alice")) })
	b.visit(func(s *core.Session) {
		must(t, s.Login("bob"))
		must(t, s.AddFlash("info", "hello bob"))
		f, err := s.Flashes(ctx)
		if len(f) != 1 {
			t.Errorf("login: %v %v", f, err)
		}
	})
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b.visit(func(s *core.Session) {
		must(t, s.AddFlash("info", "x"))
		must(t, s.Clear())
		must(t, s.AddFlash("info", "y"))
		f, err := s.Flashes(ctx)
		if len(f) != 1 {
			t.Errorf("clear: %v %v", f, err)
		}
	})
}

func TestExpiresAtOfANewSession(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		t.Log(s.ExpiresAt(), s.Age())
		if s.ExpiresAt().Before(time.Now()) {
			t.Error("past")
		}
	})
}

func TestExpiryOfAges(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.ExpireIn(math.MaxInt64)) })
	if _, live := b.value(count); !live {
		t.Error("gone")
	}
	b.visit(func(s *core.Session) { must(t, s.ExpireAt(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC))) })
	if _, live := b.value(count); !live {
		t.Error("gone at")
	}
	b.visit(func(s *core.Session) {
		err := s.ExpireAt(time.Unix(1<<55, 0))
		t.Log(err, s.ExpiresAt())
	})
	if _, live := b.value(count); !live {
		t.Error("gone at far")
	}
}

func TestApplyLeavesHeadersToOthers(t *testing.T) {
	for _, cc := range []string{"", "max-age=1"} {
		for _, vary := range [][]string{nil, {}, {"Accept"}, make([]string, 0, 4)} {
			h := http.Header{}
			if vary != nil {
				h["Vary"] = vary
			}
			if cc != "" {
				h.Set("Cache-Control", cc)
			}
			core.Out{Name: "Set-Cookie", Value: "a=b", Vary: "Cookie"}.Apply(h)
			for range 3 {
				h.Add("Vary", "X")
				h.Add("Set-Cookie", "c=d")
				h.Add("Cache-Control", "private")
			}
			core.Out{Name: "Set-Cookie", Value: "e=f", Vary: "Cookie"}.Apply(h)
			if h.Values("Set-Cookie")[0] != "a=b" || h.Values("Cache-Control")[0] != "no-store" || !slices.Contains(h.Values("Vary"), "Cookie") || len(h.Values("Set-Cookie")) != 5 {
				t.Error(h)
			}
		}
	}
}
