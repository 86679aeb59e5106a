package core_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A store that takes no writes: full, or a read-only replica.
func TestTouchThatFailsCostsNoPage(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	var log bytes.Buffer
	events := map[core.EventKind]int{}
	cfg := core.Config{
		Store: fault.Store(), IdleTimeout: time.Hour, Observer: countEvents(events),
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}
	timed(t, cfg, func(t *testing.T, b *browser) {
		fault.Before(storetest.On("Touch", "Update", "Create", "Delete"))
		for range 5 {
			time.Sleep(10 * time.Minute)
			if out := b.visit(read); out.Name != "" || out.Vary != "Cookie" {
				t.Errorf("%+v", out)
			}
		}
		if events[core.EventDropped] != 5 || !strings.Contains(log.String(), "expire early") {
			t.Errorf("%v, %s", events, log.String())
		}
		fault.Reset()
		b.visit(read)
		if !strings.Contains(b.line, "Max-Age=3600;") {
			t.Errorf("afterwards: %q", b.line)
		}
	})
}

// A node whose clock is an hour late writes once, and slow requests write what they loaded long before.
func TestNoWriteShortensALife(t *testing.T) {
	clock := storetest.NewClock()
	store := made(memstore.New(memstore.Config{Now: clock.Now}))
	cfg := core.Config{Store: store, Now: clock.Now}.AAL3()
	cfg.TouchInterval = time.Minute
	good := newManager(t, cfg)
	late := cfg
	late.Now = func() time.Time { return clock.Now().Add(-time.Hour) }
	b := newBrowser(t, good)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	clock.Advance(10 * time.Minute)
	slow := b.copyOf().send()
	b.visit(read) // touches
	other := b.copyOf()
	other.m = newManager(t, late)
	other.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
	must(t, name.Set(slow.s, "x"))
	_, err := slow.respond(200)
	must(t, err)
	clock.Advance(14 * time.Minute)
	b.visit(func(s *core.Session) {
		if n, _ := count.Get(s); n != 2 || !s.Has("name") {
			t.Errorf("used 14 of 15 minutes ago: count %d, new %t", n, s.IsNew())
		}
	})
}

func TestWritesMoveTheDeadlineOnceInAWhile(t *testing.T) {
	timed(t, core.Config{IdleTimeout: time.Hour, TouchInterval: 10 * time.Minute}, func(t *testing.T, b *browser) {
		lines := 0
		for range 180 {
			time.Sleep(time.Minute)
			if out := b.visit(func(s *core.Session) { must(t, count.Update(s, func(n int) int { return n + 1 })) }); out.Name != "" {
				lines++
			}
		}
		if n, _ := b.value(count); n != 181 || lines < 16 || lines > 18 {
			t.Errorf("count %d, %d cookies, want 181 and about 18", n, lines)
		}
	})
}

// Late changes cannot send a cookie, so they leave the deadline for a request that can, as long as one may come.
func TestLateChangesMoveTheDeadlineLate(t *testing.T) {
	timed(t, core.Config{IdleTimeout: time.Hour, TouchInterval: time.Minute}, func(t *testing.T, b *browser) {
		stream := b.copyOf().send()
		_, err := stream.x.Commit(ctx, 200)
		must(t, err)
		save := func() { must(t, count.Update(stream.s, func(n int) int { return n + 1 })); must(t, stream.s.Save(ctx)) }
		time.Sleep(25 * time.Minute)
		save()
		if left := time.Until(stream.s.ExpiresAt()); left != 35*time.Minute {
			t.Errorf("moved early: %v left", left)
		}
		b.visit(read)
		if !strings.Contains(b.line, "Max-Age=3600;") {
			t.Errorf("no cookie: %q", b.line)
		}
		for range 10 { // the stream alone keeps it alive
			time.Sleep(35 * time.Minute)
			save()
		}
		alive(t, b, true)
	})
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
				if s.Age() != 48*time.Hour {
					t.Errorf("at the call: %v left", s.Age())
				}
			})
			if !strings.Contains(b.line, "Max-Age=172800;") {
				t.Errorf("line %q", b.line)
			}
			b.visit(func(s *core.Session) {
				if s.IsNew() || s.Age() != 48*time.Hour {
					t.Errorf("%v left, new %t", s.Age(), s.IsNew())
				}
			})
		}
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

func TestTouchWithoutADeadlineToMove(t *testing.T) {
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	timed(t, core.Config{Store: fault.Store(), IdleTimeout: time.Hour, TouchInterval: 10 * time.Minute}, func(t *testing.T, b *browser) {
		b.visit(func(s *core.Session) { must(t, s.ExpireAt(time.Now().Add(50*time.Minute))) })
		fault.Reset()
		for range 4 {
			time.Sleep(10 * time.Minute)
			if out := b.visit(read); out.Name != "" {
				t.Errorf("the same deadline was sent again: %q", out.Value)
			}
		}
		if c := fault.Calls(); c["Touch"] != 4 {
			t.Errorf("the use was not written down: %v", c)
		}
		time.Sleep(10 * time.Minute)
		alive(t, b, false)
	})
}

func TestEmptiedSession(t *testing.T) {
	for what, empty := range map[string]func(*testing.T, *core.Session){
		"delete":      func(t *testing.T, s *core.Session) { must(t, count.Delete(s)) },
		"clear":       func(t *testing.T, s *core.Session) { must(t, s.Clear()) },
		"pop":         func(t *testing.T, s *core.Session) { _, err := count.Pop(s); must(t, err) },
		"set, delete": func(t *testing.T, s *core.Session) { must(t, name.Set(s, "x")); must(t, s.Clear()) },
	} {
		store := made(memstore.New(memstore.Config{}))
		m := newManager(t, core.Config{Store: store})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		b.visit(func(s *core.Session) { empty(t, s) })
		if b.cookie != "" || sessions(t, m) != 0 {
			t.Errorf("%s: cookie %q, %d sessions", what, b.cookie, sessions(t, m))
		}
		// With a user it stays.
		b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
		b.visit(func(s *core.Session) { empty(t, s) })
		if b.cookie == "" || sessions(t, m) != 1 {
			t.Errorf("%s: a user's session went", what)
		}
		// What another request has put into it keeps it.
		c := newBrowser(t, m)
		c.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		r := c.send()
		empty(t, r.s)
		c.copyOf().visit(func(s *core.Session) { must(t, other.Set(s, 5)) })
		_, err := r.respond(200)
		must(t, err)
		if n, _ := c.value(other); (n == 5) != (what == "delete" || what == "pop") {
			t.Errorf("%s: the other request's value is %d", what, n)
		}
	}
	// The last message is shown.
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "x")) })
	b.visit(func(s *core.Session) {
		if list, _ := s.Flashes(ctx); len(list) != 1 {
			t.Errorf("%v", list)
		}
	})
	if b.cookie != "" || sessions(t, m) != 0 {
		t.Errorf("after the last message: cookie %q, %d sessions", b.cookie, sessions(t, m))
	}
	b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "x")) })
	b.visit(func(s *core.Session) {
		_, err := s.Flashes(ctx)
		must(t, err)
		must(t, s.AddFlash("info", "next"))
	})
	if b.cookie == "" || sessions(t, m) != 1 {
		t.Error("a session with a new message went")
	}
}

func TestMessageBeforeSignIn(t *testing.T) {
	m := newManager(t, core.Config{})
	for _, where := range []string{"same request", "next request"} {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "please sign in")) })
		got := 0
		show := func(s *core.Session) {
			list, err := s.Flashes(ctx)
			must(t, err)
			got += len(list)
		}
		b.visit(func(s *core.Session) {
			must(t, s.Login("alice"))
			if where == "same request" {
				show(s)
			}
		})
		b.visit(show)
		b.visit(show)
		if got != 1 {
			t.Errorf("%s: shown %d times", where, got)
		}
	}
}

// A slow upload: by the time its session is looked for, nothing is known of it any more.
func TestSlowUpload(t *testing.T) {
	timed(t, core.Config{}, func(t *testing.T, b *browser) {
		x := b.m.Begin(ctx, b.header())
		b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		time.Sleep(time.Minute)
		s, err := x.Session(ctx)
		must(t, err)
		must(t, count.Set(s, 5))
		if out, err := x.Commit(ctx, 200); !errors.Is(err, core.ErrEnded) || out.Name != "" {
			t.Errorf("%+v, %v", out, err)
		}
		if n, _ := b.value(count); n != 1 {
			t.Errorf("count = %d", n)
		}
	})
}

func TestUnreadableAndKept(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	writer := newManager(t, core.Config{Store: store, Keys: ring(t, k2, k1)})
	reader := newManager(t, core.Config{Store: store, Keys: ring(t, k1)})
	for _, how := range []string{"read", "set", "login", "logout"} {
		b := newBrowser(t, writer)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		old := b.copyOf()
		b.m = reader
		x := reader.Begin(ctx, b.header())
		s, err := x.Session(ctx)
		if !errors.Is(err, core.ErrUnreadable) || core.HTTPStatus(err) != 503 {
			t.Fatalf("%s: %v", how, err)
		}
		switch how {
		case "set":
			if err := count.Set(s, 2); !errors.Is(err, core.ErrUnreadable) {
				t.Errorf("Set: %v", err)
			}
		case "login":
			must(t, s.Login("alice"))
		case "logout":
			must(t, s.Logout())
		}
		out, err := x.Commit(ctx, http.StatusOK)
		if (err == nil) != (how != "set") || (out.Name != "") != (how == "login" || how == "logout") {
			t.Errorf("%s: %+v, %v", how, out, err)
		}
		alive(t, old, how == "read" || how == "set")
	}
	// With a wrong token it is nobody's, in whatever format.
	b := newBrowser(t, writer)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b.cookie = b.cookie[:len(b.cookie)-10] + "AAAAAAAAAA"
	b.m = reader
	alive(t, b, false)
}

func TestCorruptRecordsAreKeptAndQuiet(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	var log bytes.Buffer
	m := newManager(t, core.Config{Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); id = s.ID() })
	rec, err := store.Load(ctx, id)
	must(t, err)
	good := rec.Data
	rec.Data = append(bytes.Clone(good), 0)
	must(t, store.Update(ctx, &rec))
	for range 100 {
		b.copyOf().visit(read)
	}
	if n := strings.Count(log.String(), "WARN"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
	rec.Data = good
	must(t, store.Update(ctx, &rec)) // somebody mends it
	alive(t, b, true)

	rec.Data = append(bytes.Clone(good), 0)
	must(t, store.Update(ctx, &rec))
	old := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	rec.Data = good
	if err := store.Update(ctx, &rec); !errors.Is(err, driver.ErrConflict) {
		t.Errorf("the record that a Login replaced: %v", err)
	}
	alive(t, old, false)
	alive(t, b, true)
}

func TestStreamOfAVisitor(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	stream := b.copyOf().send()
	_, err := stream.x.Commit(ctx, 200)
	must(t, err)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, s.AddFlash("info", "hello alice")) })
	for what, call := range map[string]func() error{
		"Login": func() error { return stream.s.Login("mallory") }, "RotateID": stream.s.RotateID,
		"Set": func() error { return count.Set(stream.s, 2) }, "Save": func() error { return stream.s.Save(ctx) },
		"Flashes": func() error {
			list, err := stream.s.Flashes(ctx)
			if len(list) > 0 {
				t.Error(list)
			}
			return err
		},
		"Logout": stream.s.Logout,
		"Update": func() error { return count.Update(stream.s, func(n int) int { return n + 1 }) },
	} {
		err := call()
		if got := stream.s.Subject(); got != "" {
			t.Errorf("%s: the stream is %q's (%v)", what, got, err)
		}
	}
	_ = stream.x.Finish(ctx)
	if n, _ := b.value(count); n != 1 {
		t.Errorf("count = %d", n)
	}
}

func TestAdopt(t *testing.T) {
	taken := 0
	cfg := core.Config{Adopt: func(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
		for _, c := range cookies {
			switch {
			case c.Name == "old" && c.Value == "down":
				return nil, errors.New("down")
			case c.Name == "old":
				return &core.Adoption{
					Subject: "alice", AuthTime: time.Unix(1_000_000, 0), Values: map[string]any{"count": 5},
					Taken: func(context.Context) error { taken++; return nil },
				}, nil
			}
		}
		return nil, nil
	}}
	m := newManager(t, cfg)
	b := newBrowser(t, m)
	b.cookie = "old=1"
	out := b.visit(func(s *core.Session) { // a page that only reads
		if n, _ := count.Get(s); n != 5 || s.Subject() != "alice" || s.AuthTime().Unix() != 1_000_000 {
			t.Errorf("adopted %q's session with count %d, signed in at %v", s.Subject(), n, s.AuthTime())
		}
	})
	if out.Name == "" || taken != 1 || sessions(t, m) != 1 {
		t.Errorf("%+v, taken %d times, %d sessions", out, taken, sessions(t, m))
	}
	b.cookie += "; old=1"
	b.visit(read)
	if taken != 1 || sessions(t, m) != 1 {
		t.Errorf("adopted again: taken %d times, %d sessions", taken, sessions(t, m))
	}
	for _, line := range []string{"", "x=1", "__Host-session=junk"} {
		c := newBrowser(t, m)
		c.cookie = line
		alive(t, c, false)
	}
	_, err := m.Begin(ctx, []string{"old=down"}).Session(ctx)
	if core.HTTPStatus(err) != 503 {
		t.Errorf("an outage there: %v", err)
	}
}

func TestOneWarningInAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := newManager(t, core.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		b, _, _ := two(t, m)
		for range 100 {
			b.copyOf().visit(read)
			time.Sleep(time.Second)
		}
		if n := strings.Count(log.String(), "WARN"); n != 10 || !strings.Contains(log.String(), "skipped=9") {
			t.Errorf("%d warnings: %s", n, log.String())
		}
	})
}
