package core_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// timed runs a test in a bubble where time passes at once, with a manager and a
// browser whose session has count = 1.
func timed(t *testing.T, cfg core.Config, test func(t *testing.T, b *browser)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBrowser(t, newManager(t, cfg))
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		test(t, b)
	})
}

func read(s *core.Session) { _, _ = count.Get(s) }

func alive(t *testing.T, b *browser, want bool) {
	t.Helper()
	if _, live := b.value(count); live != want {
		t.Errorf("alive = %v, want %v", live, want)
	}
}

func TestIdleTimeout(t *testing.T) {
	timed(t, core.Config{IdleTimeout: time.Hour}, func(t *testing.T, b *browser) {
		time.Sleep(time.Hour - time.Second)
		alive(t, b, true) // looks without committing
		time.Sleep(time.Second)
		alive(t, b, false)
	})
}

func TestReadsKeepTheSessionAliveAtLittleCost(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	timed(t, core.Config{Store: fault.Store(), IdleTimeout: time.Hour, TouchInterval: 10 * time.Minute}, func(t *testing.T, b *browser) {
		fault.Reset()
		lines := 0
		for range 180 { // three hours
			time.Sleep(time.Minute)
			if out := b.visit(read); out.Name != "" {
				lines++
				if !strings.Contains(out.Value, "; Max-Age=3600;") || !strings.HasPrefix(out.Value, b.cookie+";") {
					t.Fatalf("cookie on touch: %s", out.Value)
				}
			}
		}
		calls := fault.Calls()
		if n := calls["Touch"]; n < 16 || n > 18 || lines != n || calls["Update"]+calls["Create"]+calls["Delete"] != 0 {
			t.Errorf("%v calls, %d cookies", calls, lines)
		}
	})
}

func TestAbsoluteLifetime(t *testing.T) {
	timed(t, core.Config{IdleTimeout: time.Hour, Lifetime: 3 * time.Hour}, func(t *testing.T, b *browser) {
		for range 5 {
			time.Sleep(30 * time.Minute)
			b.visit(func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) })
		}
		if b.line != "" {
			t.Errorf("sent again, though the deadline did not move: %s", b.line)
		}
		b.visit(func(s *core.Session) { must(t, s.RotateID()) })
		alive(t, b, true)
		time.Sleep(30 * time.Minute)
		alive(t, b, false)
	})
}

func TestLoginRenewsTheLifetimeAndRotateDoesNot(t *testing.T) {
	timed(t, core.Config{IdleTimeout: time.Hour, Lifetime: 2 * time.Hour}, func(t *testing.T, b *browser) {
		time.Sleep(50 * time.Minute)
		b.visit(func(s *core.Session) {
			if !s.AuthTime().IsZero() {
				t.Error("AuthTime before Login")
			}
			must(t, s.Login("alice"))
			if !s.AuthTime().Equal(time.Now()) {
				t.Errorf("AuthTime = %v", s.AuthTime())
			}
		})
		time.Sleep(50 * time.Minute)
		b.visit(func(s *core.Session) { must(t, s.RotateID()) })
		time.Sleep(50 * time.Minute)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
		time.Sleep(19 * time.Minute)
		alive(t, b, true)
		time.Sleep(time.Minute)
		alive(t, b, false)
	})
}

func TestPerSessionExpiry(t *testing.T) {
	cfg := core.Config{IdleTimeout: time.Hour, Lifetime: 48 * time.Hour}
	t.Run("in", func(t *testing.T) {
		timed(t, cfg, func(t *testing.T, b *browser) {
			b.visit(func(s *core.Session) { must(t, s.ExpireIn(10*time.Hour)) })
			if !strings.Contains(b.line, "Max-Age=36000;") {
				t.Error(b.line)
			}
			time.Sleep(9 * time.Hour)
			b.visit(read)
			time.Sleep(9 * time.Hour)
			alive(t, b, true)
			time.Sleep(time.Hour)
			alive(t, b, false)
		})
	})
	t.Run("in, shorter than the touch interval", func(t *testing.T) {
		timed(t, core.Config{}, func(t *testing.T, b *browser) {
			b.visit(func(s *core.Session) { must(t, s.ExpireIn(time.Minute)) })
			for range 20 {
				time.Sleep(30 * time.Second)
				b.visit(read)
			}
			alive(t, b, true)
			time.Sleep(time.Minute)
			alive(t, b, false)
		})
	})
	t.Run("at", func(t *testing.T) {
		timed(t, cfg, func(t *testing.T, b *browser) {
			b.visit(func(s *core.Session) { must(t, s.ExpireAt(time.Now().Add(90*time.Minute))) })
			for range 8 {
				time.Sleep(10 * time.Minute)
				b.visit(read)
			}
			b.visit(func(s *core.Session) {
				if s.Age() != 10*time.Minute {
					t.Errorf("Age = %v", s.Age())
				}
			})
			time.Sleep(10 * time.Minute)
			alive(t, b, false)
		})
	})
	t.Run("browser close and back", func(t *testing.T) {
		timed(t, cfg, func(t *testing.T, b *browser) {
			b.visit(func(s *core.Session) { must(t, s.ExpireAtBrowserClose()) })
			if b.line == "" || strings.Contains(b.line, "Max-Age") {
				t.Errorf("line %q", b.line)
			}
			b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
			if b.line != "" {
				t.Errorf("an unchanged browser-session cookie was sent again: %q", b.line)
			}
			b.visit(func(s *core.Session) { must(t, s.ExpireDefault()) })
			if !strings.Contains(b.line, "Max-Age=3600;") {
				t.Errorf("line %q", b.line)
			}
			b.visit(func(s *core.Session) { must(t, s.ExpireAtBrowserClose()) })
			time.Sleep(time.Hour)
			alive(t, b, false)
		})
	})
	t.Run("never beyond the lifetime", func(t *testing.T) {
		timed(t, cfg, func(t *testing.T, b *browser) {
			b.visit(func(s *core.Session) { must(t, s.ExpireIn(1000*time.Hour)) })
			b.visit(func(s *core.Session) {
				if s.Age() != 48*time.Hour {
					t.Errorf("Age = %v", s.Age())
				}
			})
		})
	})
	t.Run("bad", func(t *testing.T) {
		timed(t, cfg, func(t *testing.T, b *browser) {
			for _, bad := range []func(s *core.Session) error{
				func(s *core.Session) error { return s.ExpireIn(0) },
				func(s *core.Session) error { return s.ExpireIn(-time.Hour) },
				func(s *core.Session) error { return s.ExpireAt(time.Now()) },
				func(s *core.Session) error { return s.Login("") },
				func(s *core.Session) error { return s.Login(strings.Repeat("x", 256)) },
				func(s *core.Session) error { return s.Login("\xff") },
			} {
				r := b.send()
				if bad(r.s) == nil {
					t.Error("no error at the call")
				}
				if _, err := r.respond(200); err == nil {
					t.Error("no error at commit")
				}
			}
			alive(t, b, true)
		})
	})
}

func TestExpireAtBrowserCloseSetting(t *testing.T) {
	timed(t, core.Config{ExpireAtBrowserClose: true, IdleTimeout: time.Hour}, func(t *testing.T, b *browser) {
		if strings.Contains(b.line, "Max-Age") {
			t.Errorf("line %q", b.line)
		}
		b.visit(func(s *core.Session) { must(t, s.ExpireIn(2*time.Hour)) })
		if !strings.Contains(b.line, "Max-Age=7200;") {
			t.Errorf("line %q", b.line)
		}
	})
}

func TestSaveEveryRequest(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	cfg := core.Config{Store: fault.Store(), IdleTimeout: time.Hour, SaveEveryRequest: true}
	timed(t, cfg, func(t *testing.T, b *browser) {
		for range 10 {
			time.Sleep(59 * time.Minute)
			x := b.m.Begin(ctx, b.header()) // no handler touches the session
			out, err := x.Commit(ctx, 200)
			if err != nil || out.Name == "" || out.Vary != "Cookie" {
				t.Fatalf("%+v, %v", out, err)
			}
		}
		alive(t, b, true)
		// Unknown tokens and strangers still create nothing.
		fault.Reset()
		stranger := newBrowser(t, b.m)
		stranger.cookie = "__Host-session=" + strings.Repeat("A", 43)
		if out := stranger.visit(read); out.Name != "" {
			t.Errorf("a stranger got %q", out.Value)
		}
		if c := fault.Calls(); c["Create"]+c["Update"]+c["Touch"] != 0 {
			t.Errorf("writes for a stranger: %v", c)
		}
	})
}

func TestLatenessEnds(t *testing.T) {
	for _, end := range []string{"rotate", "login", "logout"} {
		timed(t, core.Config{}, func(t *testing.T, b *browser) {
			late := b.copyOf()
			ends[end](t, b)
			time.Sleep(33 * time.Second) // the clock for that may be a second late
			if out := late.visit(func(s *core.Session) { must(t, count.Set(s, 5)) }); out.Name == "" {
				t.Errorf("%s: after half a minute an old token should be like any unknown one", end)
			}
		})
	}
}

func TestSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := made(memstore.New(memstore.Config{}))
		var swept int
		m := newManager(t, core.Config{Store: store, IdleTimeout: time.Minute, SweepInterval: time.Hour,
			Observer: observeSweeps(&swept)})
		for range 10 {
			newBrowser(t, m).visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if swept != 10 {
			t.Errorf("swept %d of 10", swept)
		}
		must(t, m.Close())
		must(t, m.Close())
	})
}
