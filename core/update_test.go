package core_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestEmptiedSession(t *testing.T) {
	for what, empty := range map[string]func(*testing.T, *core.Session){
		"delete":      func(t *testing.T, s *core.Session) { must(t, count.Delete(s)) },
		"clear":       func(t *testing.T, s *core.Session) { must(t, s.Clear()) },
		"pop":         func(t *testing.T, s *core.Session) { _, err := count.Pop(s); must(t, err) },
		"set, delete": func(t *testing.T, s *core.Session) { must(t, name.Set(s, "x")); must(t, s.Clear()) },
	} {
		store := made.Of(memstore.New(memstore.Config{}))
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

// Flashes took the last that an anonymous visitor had; another request ends the session before the page leaves.
func TestFlashesOfAnEmptiedSession(t *testing.T) {
	for what, meanwhile := range map[string]func(*core.Session){
		"login":  func(s *core.Session) { _ = s.Login("alice") },
		"logout": func(s *core.Session) { _ = s.Logout() },
		"outage": nil,
	} {
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		m := newManager(t, core.Config{Store: fault.Store()})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.AddFlash("info", "x")) })
		other := b.copyOf()
		r := b.send()
		f, err := r.s.Flashes(ctx)
		must(t, err)
		if len(f) != 1 {
			t.Fatal(f)
		}
		if meanwhile != nil {
			other.visit(meanwhile)
		} else {
			fault.Before(storetest.Outage)
		}
		out, err := r.respond(200)
		if err != nil || out.Name != "" {
			t.Errorf("%s: the page with the message became a %d: %v; %q", what, core.HTTPStatus(err), err, out.Value)
		}
	}
}

// After an emptied session was ended by a Save, a Set begins a session, and not one that is as old as the other was.
func TestNewSessionAfterAnEmptiedOne(t *testing.T) {
	clock := time.Now()
	now := func() time.Time { return clock }
	m := newManager(t, core.Config{Store: made.Of(memstore.New(memstore.Config{Now: now})), Now: now})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.ExpireIn(20*24*time.Hour)) })
	clock = clock.Add(19 * 24 * time.Hour)
	b.visit(func(s *core.Session) {
		must(t, count.Delete(s))
		must(t, s.Save(ctx))
		must(t, count.Set(s, 2))
		if d := clock.Sub(s.Created()); d > time.Second {
			t.Errorf("the new session was created %v ago", d)
		}
	})
}

// A node whose clock is an hour late writes once, and slow requests write what they loaded long before.
func TestNoWriteShortensALife(t *testing.T) {
	clock := storetest.NewClock()
	store := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	cfg := core.Config{Store: store, Now: clock.Now, AAL: 3}
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
