package core_test

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestIdleTimeout(t *testing.T) {
	timed(t, core.Config{IdleTimeout: time.Hour}, func(t *testing.T, b *browser) {
		time.Sleep(time.Hour - time.Second)
		alive(t, b, true) // looks without committing
		time.Sleep(time.Second)
		alive(t, b, false)
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

func TestLoginAndLifetimes(t *testing.T) {
	for _, test := range []struct {
		before, login string
		want          string
	}{
		{"", "alice", "3600"}, {"alice", "alice", "300"}, {"bob", "alice", "3600"},
	} {
		timed(t, core.Config{IdleTimeout: time.Hour}, func(t *testing.T, b *browser) {
			b.visit(func(s *core.Session) {
				if test.before != "" {
					must(t, s.Login(test.before))
				}
				must(t, s.ExpireIn(5*time.Minute))
			})
			b.visit(func(s *core.Session) { must(t, s.Login(test.login)) })
			if !strings.Contains(b.line, "Max-Age="+test.want+";") {
				t.Errorf("%+v: %q", test, b.line)
			}
			b.visit(func(s *core.Session) { must(t, s.ExpireIn(time.Minute)); must(t, s.Login("zoe")) })
			if !strings.Contains(b.line, "Max-Age=3600;") {
				t.Errorf("in one request: %q", b.line)
			}
			b.visit(func(s *core.Session) { must(t, s.Login("carol")); must(t, s.ExpireIn(2*time.Hour)) })
			if !strings.Contains(b.line, "Max-Age=7200;") {
				t.Errorf("remember me: %q", b.line)
			}
		})
	}
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
				if s.TimeLeft() != 10*time.Minute {
					t.Errorf("Age = %v", s.TimeLeft())
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
				if s.TimeLeft() != 48*time.Hour {
					t.Errorf("Age = %v", s.TimeLeft())
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

// "Forget me when the browser closes", said after the header, either fails or reaches the browser with the next page.
func TestCookieKindChangedAfterTheHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		r := b.send()
		if _, err := r.x.Commit(ctx, 200); err != nil {
			t.Fatal(err)
		}
		err := r.s.ExpireAtBrowserClose()
		if err == nil {
			err = r.s.Save(ctx)
		}
		if err != nil {
			return
		}
		for range 3 {
			time.Sleep(24 * time.Hour)
			b.visit(read)
			if b.line != "" && !strings.Contains(b.line, "Max-Age") {
				return
			}
		}
		t.Error("the call succeeded, and the browser keeps a persistent cookie")
	})
}

func TestExpiresAtOfANewSession(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		t.Log(s.ExpiresAt(), s.TimeLeft())
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

func TestExtremeExpiries(t *testing.T) {
	timed(t, core.Config{IdleTimeout: time.Hour, Lifetime: 48 * time.Hour}, func(t *testing.T, b *browser) {
		largest := time.Unix(1<<63-62135596801, 999999999)
		for _, set := range []func(*core.Session) error{
			func(s *core.Session) error { return s.ExpireAt(largest) },
			func(s *core.Session) error { return s.ExpireAt(time.Unix(1<<55, 0)) },
			func(s *core.Session) error { return s.ExpireIn(math.MaxInt64) },
			func(s *core.Session) error { return s.ExpireIn(49 * time.Hour) },
		} {
			b.visit(func(s *core.Session) { must(t, s.ExpireDefault()) })
			b.visit(func(s *core.Session) {
				must(t, set(s))
				if s.TimeLeft() != 48*time.Hour {
					t.Errorf("at the call: %v left", s.TimeLeft())
				}
			})
			if !strings.Contains(b.line, "Max-Age=172800;") {
				t.Errorf("line %q", b.line)
			}
			b.visit(func(s *core.Session) {
				if s.IsNew() || s.TimeLeft() != 48*time.Hour {
					t.Errorf("%v left, new %t", s.TimeLeft(), s.IsNew())
				}
			})
		}
	})
}

func TestExpiryMode(t *testing.T) {
	at := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) {
		must(t, s.Login("alice"))
		if got := s.Expiry(); got != (core.Expiry{Mode: core.ExpiryDefault}) {
			t.Errorf("at first: %+v", got)
		}
	})
	for want, set := range map[core.Expiry]func(*core.Session) error{
		{Mode: core.ExpirySliding, In: time.Minute}: func(s *core.Session) error { return s.ExpireIn(time.Minute) },
		{Mode: core.ExpiryAt, At: at}:               func(s *core.Session) error { return s.ExpireAt(at) },
		{Mode: core.ExpiryBrowserClose}:             (*core.Session).ExpireAtBrowserClose,
		{Mode: core.ExpiryDefault}:                  (*core.Session).ExpireDefault,
	} {
		b.visit(func(s *core.Session) {
			must(t, set(s))
			if got := s.Expiry(); got != want {
				t.Errorf("set: %+v, want %+v", got, want)
			}
		})
		b.visit(func(s *core.Session) {
			if got := s.Expiry(); got != want {
				t.Errorf("stored: %+v, want %+v", got, want)
			}
		})
		for view, err := range b.m.Sessions(ctx, "alice") {
			if must(t, err); view.Expiry() != want {
				t.Errorf("in a list: %+v, want %+v", view.Expiry(), want)
			}
		}
	}
}

// TestTimeLeftOfAView: a session in a list goes by its manager's clock.
func TestTimeLeftOfAView(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	m := newManager(t, core.Config{Store: made.Of(memstore.New(memstore.Config{Now: clock})), Now: clock, IdleTimeout: time.Hour})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	for s, err := range m.Sessions(ctx, "alice") {
		must(t, err)
		if d := s.TimeLeft(); d != time.Hour {
			t.Errorf("TimeLeft of a view = %v, want 1h", d)
		}
		if e := s.Expiry(); e.Mode != core.ExpiryDefault {
			t.Error(e)
		}
	}
}

// TestTimeLeftIsNotMoreThanIdle: one look at the clock is enough.
func TestTimeLeftIsNotMoreThanIdle(t *testing.T) {
	m := newManager(t, core.Config{IdleTimeout: time.Hour})
	s := newBrowser(t, m).send().s
	for range 1000 {
		if d := s.TimeLeft(); d > time.Hour {
			t.Fatalf("TimeLeft = %v", d)
		}
	}
}
