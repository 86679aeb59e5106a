package core_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestLateRequest(t *testing.T) {
	b := newBrowser(t, newManager(t, core.Config{}))
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	late := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })

	r := late.copyOf().send()
	must(t, count.Set(r.s, 7))
	out, err := r.respond(200)
	if out.Name != "" || !errors.Is(err, core.ErrEnded) || core.HTTPStatus(err) != 409 || core.RetryAfter(err) == "" {
		t.Errorf("a request with the old token got %q, %v", out.Value, err)
	}
	if n, _ := b.value(count); n != 1 {
		t.Errorf("count = %d", n)
	}
	if out := late.copyOf().visit(func(s *core.Session) { must(t, s.Logout()) }); out.Name != "" {
		t.Errorf("a late Logout got %q", out.Value)
	}
	if _, live := b.value(count); !live {
		t.Error("a late Logout ended what came after its session")
	}
	// Signing in is a new start, and the newest one.
	late.visit(func(s *core.Session) { must(t, name.Set(s, "x")); must(t, s.Login("bob")) })
	if _, live := late.value(count); !live {
		t.Error("Login with a token that was just replaced did not begin a session")
	}
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

// A slow upload: by the time its session is looked for, nothing is known of it any more.
func TestSlowUpload(t *testing.T) {
	timed(t, core.Config{}, func(t *testing.T, b *browser) {
		x := b.m.Adapter().Begin(ctx, b.header())
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

func TestReusedToken(t *testing.T) {
	for _, revoke := range []bool{false, true} {
		clock := storetest.NewClock()
		events := map[core.EventKind]int{}
		m := newManager(t, core.Config{
			Store: made.Of(memstore.New(memstore.Config{Now: clock.Now})), Now: clock.Now, RevokeOnReuse: revoke, Observer: countEvents(events),
		})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		thief := b.copyOf()
		b.visit(func(s *core.Session) { must(t, s.RotateID()) })
		alive(t, thief, false)
		if events[core.EventLate] != 1 || events[core.EventReused] != 0 {
			t.Errorf("at once: %v", events)
		}
		clock.Advance(31 * time.Second)
		both := b.copyOf()
		both.cookie = thief.cookie + "; " + b.cookie
		alive(t, both, true) // the session is open, so its old token says nothing
		if events[core.EventReused] != 0 {
			t.Errorf("beside the new token: %v", events)
		}
		alive(t, thief, false)
		if events[core.EventReused] != 1 {
			t.Errorf("after half a minute: %v", events)
		}
		alive(t, b, !revoke)
		// One generation is remembered.
		if !revoke {
			b.visit(func(s *core.Session) { must(t, s.RotateID()) })
			clock.Advance(31 * time.Second)
			alive(t, thief, false)
			if events[core.EventReused] != 1 {
				t.Errorf("two rotations later: %v", events)
			}
		}
	}
}

// A former token is no theft where the session's present one comes along, however many others do.
func TestReusedBesideItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events := map[core.EventKind]int{}
		m := newManager(t, core.Config{RevokeOnReuse: true, Observer: countEvents(events)})
		_, alice, bob := two(t, m)
		former := alice.cookie
		alice.visit(func(s *core.Session) { must(t, s.RotateID()) })
		time.Sleep(time.Minute)
		for _, line := range []string{
			bob.cookie + ";" + former + ";" + alice.cookie, bob.cookie + ";" + alice.cookie + ";" + former, former + ";" + bob.cookie + ";" + alice.cookie,
		} {
			b := newBrowser(t, m)
			b.cookie = line
			b.visit(read)
			alive(t, alice, true)
		}
		if events[core.EventReused] != 0 {
			t.Errorf("%v", events)
		}
	})
}

// Given a session whose token was stolen and replaced, when the old one is used and the store cannot end the session, then
// the log says that it lives.
func TestReuseThatEndsNothingIsLogged(t *testing.T) {
	clock := storetest.NewClock()
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{Now: clock.Now})))
	log, lines := logged()
	m := newManager(t, core.Config{Store: fault.Store(), RevokeOnReuse: true, Now: clock.Now, Logger: log})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	stolen := *b
	b.visit(func(s *core.Session) { must(t, s.RotateID()) })
	clock.Advance(time.Minute)
	fault.Before(storetest.On("Delete"))
	stolen.visit(func(s *core.Session) { read(s) })
	if n := lines("WARN", "injected outage") + lines("ERROR", "injected outage"); n == 0 {
		t.Error("the log does not say that the session lives")
	}
	fault.Before(nil)
	alive(t, b, true)
	stolen.visit(func(s *core.Session) { read(s) }) // tried again
	alive(t, b, false)
}

// Given a thousand cookies that anybody can make up for a store whose tokens carry the record - noise, the names of
// keys that are not here, formats of a later release - when requests come with them, then each is anonymous, none is
// a 503, the Observer hears of each, and nobody is woken: no line of the log is above DEBUG.
func TestJunkTokensAreQuiet(t *testing.T) {
	for mode, revocation := range map[string]cookiestore.Revocation{
		"none": cookiestore.NoRevocation(), "revoking": cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))),
	} {
		t.Run(mode, func(t *testing.T) {
			var log bytes.Buffer
			told := 0
			m := cookieManager(t, revocation, core.Config{
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				Observer: func(_ context.Context, e core.Event) {
					if e.Kind == core.EventCorrupt && e.Err != nil {
						told++
					}
				},
			})
			foreign := newBrowser(t, cookieManager(t, cookiestore.NoRevocation(), core.Config{}))
			foreign.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
			name, _, _ := cut(foreign.cookie)
			const junk = 1000
			for i := range junk {
				raw := make([]byte, 20+i)
				rand.Read(raw)
				switch i % 4 {
				case 1: // the name of a key
					copy(raw, "\x01\x02k9")
				case 2: // the name of our key
					copy(raw, "\x01\x02k1")
				case 3: // a newer release of package keyring
					copy(raw, "\x02\x02k1")
				}
				b := newBrowser(t, m)
				b.cookie = name + "=" + base64.RawURLEncoding.EncodeToString(raw)
				if i == 0 {
					b.cookie = foreign.cookie
				}
				if out := b.visit(read); out.Name == "Set-Cookie" {
					t.Fatalf("cookie %d was replaced: %s", i, out.Value)
				}
			}
			if told != junk {
				t.Errorf("the Observer heard of %d of %d", told, junk)
			}
			for line := range strings.Lines(log.String()) {
				if !strings.Contains(line, "level=DEBUG") {
					t.Fatalf("in the log: %s", line)
				}
			}
			if n := strings.Count(log.String(), "level=DEBUG"); n != junk {
				t.Errorf("%d lines", n)
			}
		})
	}
}
