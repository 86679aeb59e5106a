package core_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

// One cookie that net/http finds malformed must not log out everybody who has it.
func TestAdoptSeesCookiesBesideAMalformedOne(t *testing.T) {
	m := newManager(t, core.Config{Adopt: func(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
		for _, c := range cookies {
			if c.Name == "old" {
				return &core.Adoption{Subject: "alice"}, nil
			}
		}
		return nil, nil
	}})
	for _, line := range []string{"old=1", "old=1; flag", `old=1; prefs={"a":1}`, "bad name=1; old=1", "=; old=1", "old=1;"} {
		b := newBrowser(t, m)
		b.cookie = line
		r := b.send()
		if r.s.Subject() != "alice" {
			t.Errorf("%s: not asked", line)
		}
		r.x.Discard()
	}
}

// The first request that the new application sees of a user of the old one is the one that signs out.
func TestLogoutOfAnAdoptedSession(t *testing.T) {
	legacy := true
	m := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
		if !legacy {
			return nil, nil
		}
		return &core.Adoption{Subject: "alice", Taken: func(context.Context) error { legacy = false; return nil }}, nil
	}})
	b := newBrowser(t, m)
	b.cookie = "old=1"
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" {
			t.Error("not adopted")
		}
		must(t, s.Logout())
	})
	b.cookie = "old=1"
	b.visit(func(s *core.Session) {
		if s.Subject() != "" {
			t.Error("signed in after the logout was answered")
		}
	})
}

// A logout that could not end the other system's session must not be answered as done.
func TestLogoutOfAnAdoptedSessionFails(t *testing.T) {
	m := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
		return &core.Adoption{Subject: "alice", Taken: func(context.Context) error { return errors.New("down") }}, nil
	}})
	b := newBrowser(t, m)
	b.cookie = "old=1"
	r := b.send()
	must(t, r.s.Logout())
	if _, err := r.respond(200); core.HTTPStatus(err) != 503 {
		t.Errorf("a logout that failed: %v", err)
	}

	b.cookie = "old=1"
	r = b.send() // what begins after a Destroy is stored, and that decides
	must(t, r.s.Destroy())
	must(t, count.Set(r.s, 1))
	if _, err := r.respond(200); err != nil || sessions(t, m) != 1 {
		t.Errorf("%v, %d sessions", err, sessions(t, m))
	}
}

// Given a session of another system that is first asked for after the header, when the handler only reads it, then
// nothing is to be stored, and the connection stays. A Logout there still ends the other session.
func TestAdoptionAfterTheHeader(t *testing.T) {
	taken := 0
	m := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
		return &core.Adoption{Subject: "alice", Taken: func(context.Context) error { taken++; return nil }}, nil
	}})
	for ends, do := range map[bool]func(*core.Session) error{
		false: func(s *core.Session) error { read(s); return nil },
		true:  (*core.Session).Logout,
	} {
		x := m.Begin(ctx, []string{"old=1"})
		_, err := x.Commit(ctx, 200)
		must(t, err)
		s, err := x.Session(ctx)
		must(t, err)
		if s.Subject() != "alice" {
			t.Errorf("subject %q", s.Subject())
		}
		must(t, do(s))
		taken = 0
		if err := x.Finish(ctx); err != nil || (taken == 1) != ends {
			t.Errorf("logout %t: Finish: %v, Taken was called %d times", ends, err, taken)
		}
	}
}
