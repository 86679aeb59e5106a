package core_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestReadsKeepTheSessionAliveAtLittleCost(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
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

func TestSaveEveryRequest(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	cfg := core.Config{Store: fault.Store(), IdleTimeout: time.Hour, SaveEveryRequest: true}
	timed(t, cfg, func(t *testing.T, b *browser) {
		for range 10 {
			time.Sleep(59 * time.Minute)
			x := b.m.Adapter().Begin(ctx, b.header()) // no handler touches the session
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

func TestTouchWithoutADeadlineToMove(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
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

// A store that takes no writes: full, or a read-only replica.
func TestTouchThatFailsCostsNoPage(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
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

// A cookie that is as full as can be, and then is only read: that its deadline cannot move is reported.
func TestFullCookieThatNeedsATouch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := map[core.EventKind]int{}
		m := cookieManager(t, cookiestore.NoRevocation(), core.Config{Observer: countEvents(events), SweepInterval: -1})
		b := newBrowser(t, m)
		for n := 3000; ; n-- {
			r := b.send()
			must(t, name.Set(r.s, strings.Repeat("x", n)))
			if _, err := r.respond(200); err == nil {
				break
			}
		}
		clear(events)
		died := false
		for range 40 {
			time.Sleep(24 * time.Hour)
			r := b.send()
			died = died || r.s.IsNew()
			if _, err := r.respond(200); err != nil {
				t.Fatal(err)
			}
		}
		if died && events[core.EventDropped] == 0 {
			t.Errorf("a session that was used daily died, and nobody was told: %v", events)
		}
	})
}

// 128 touches of a full cookie, no change of keys.
func TestTouchesOfAFullCookie(t *testing.T) {
	r1, _ := keyring.New(keyring.Generate("k1"))
	m := tokenManager(t, r1, made.Of(memstore.New(memstore.Config{})), time.Microsecond)
	b := newBrowser(t, m)
	for n := 2960; n > 2800; n-- {
		r := b.send()
		must(t, name.Set(r.s, strings.Repeat("x", n)))
		if _, err := r.respond(200); err == nil {
			break
		}
	}
	for i := range 300 {
		time.Sleep(10 * time.Microsecond)
		if _, err := b.send().respond(200); err != nil {
			t.Fatalf("read %d: %d %.90v", i, core.HTTPStatus(err), err)
		}
	}
}

// a full cookie, a key with a longer id: reading and logging out fail for good.
func TestFullCookieUnderALongerKey(t *testing.T) {
	k1, k2 := keyring.Generate("k1"), keyring.Generate("key2026")
	r1, _ := keyring.New(k1)
	r2, err := keyring.New(k2, k1)
	must(t, err)
	revoked := made.Of(memstore.New(memstore.Config{}))
	m1, m2 := tokenManager(t, r1, revoked, time.Microsecond), tokenManager(t, r2, revoked, time.Microsecond)
	b := newBrowser(t, m1)
	for n := 2960; n > 2800; n-- {
		r := b.send()
		must(t, name.Set(r.s, strings.Repeat("x", n)))
		if _, err := r.respond(200); err == nil {
			break
		}
	}
	if b.cookie == "" {
		t.Fatal("not filled")
	}
	b.m = m2
	time.Sleep(2 * time.Millisecond)
	r := b.send()
	_, err = r.respond(200)
	if err != nil {
		t.Errorf("a request that only reads: %d %v", core.HTTPStatus(err), err)
	}
	r = b.send()
	must(t, r.s.Logout())
	if _, err = r.respond(200); err != nil {
		t.Errorf("logout: %d %v", core.HTTPStatus(err), err)
	}
}
