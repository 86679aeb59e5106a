package core_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

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
	_, err := m.Adapter().Begin(ctx, http.Header{"Cookie": {"old=down"}}).Session(ctx)
	if core.HTTPStatus(err) != 503 {
		t.Errorf("an outage there: %v", err)
	}
}

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
		x := m.Adapter().Begin(ctx, http.Header{"Cookie": {"old=1"}})
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

// The inner manager adopts, and the outer one fails: ours stays and its cookie goes with the error, since the other system's
// session is over.
func TestAdoptUnderAnOuterManagerThatFails(t *testing.T) {
	for _, down := range []bool{true, false} {
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		outer := newManager(t, core.Config{Store: fault.Store(), Cookie: core.Cookie{Name: "__Host-outer"}})
		taken := 0
		inner := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
			return &core.Adoption{Subject: "alice", Taken: func(context.Context) error { taken++; return nil }}, nil
		}})
		if down {
			fault.Before(storetest.Outage)
		}
		ox := outer.Adapter().Begin(ctx, nil)
		ix := inner.Adapter().Begin(ox.Context(), http.Header{"Cookie": {"old=1"}})
		_, err := ix.Session(ctx)
		must(t, err)
		os, err := ox.Session(ctx)
		must(t, err)
		must(t, count.Set(os, 1))
		_, err = ix.Commit(ix.Context(), 200)
		if err == nil {
			var out core.Out
			out, err = ox.Commit(ox.Context(), 200)
			cookies := 0
			for _, line := range out.Lines() {
				cookies += strings.Count(line, "__Host-session=")
			}
			if (cookies == 1) != down {
				t.Errorf("down %v: %+v", down, out)
			}
		}
		_ = ix.Finish(ctx)
		_ = ox.Finish(ctx)
		if stands := sessions(t, inner); (err != nil) != down || stands != 1 || taken != 1 {
			t.Errorf("down %v: %v, taken %d times, and %d sessions stand", down, err, taken, stands)
		}
	}
}

// The other system's cookie goes with the answer that brings ours, and with that of a Logout, but not where nothing
// was taken over.
func TestAdoptionForgetsCookies(t *testing.T) {
	const gone = "old=; Path=/; Max-Age=0; HttpOnly; Secure"
	for name, c := range map[string]struct {
		taken  error
		status int
		do     func(*core.Session) error
		gone   bool
	}{
		"read":             {nil, 200, func(s *core.Session) error { read(s); return nil }, true},
		"read, not ended":  {errors.New("down"), 200, func(s *core.Session) error { read(s); return nil }, false},
		"saved early":      {nil, 200, func(s *core.Session) error { return s.Save(ctx) }, true},
		"saved, then 500":  {nil, 500, func(s *core.Session) error { return s.Save(ctx) }, true},
		"Logout":           {nil, 200, (*core.Session).Logout, true},
		"Logout, then 500": {nil, 500, (*core.Session).Logout, true},
		"Logout, down":     {errors.New("down"), 200, (*core.Session).Logout, false},
		"500":              {nil, 500, func(s *core.Session) error { read(s); return nil }, false},
		"ignored error":    {nil, 200, func(s *core.Session) error { _ = s.Login(""); return nil }, false},
	} {
		m := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
			return &core.Adoption{
				Subject: "alice", Taken: func(context.Context) error { return c.taken },
				Forget: []*http.Cookie{{Name: "old", Secure: true, Value: "secret"}, {Name: "old2", Path: "/app", Domain: "example.org"}},
			}, nil
		}})
		b := newBrowser(t, m)
		b.cookie = "old=1"
		r := b.send()
		must(t, c.do(r.s))
		out, _ := r.respond(c.status)
		lines := 0
		for name, value := range out.Lines() {
			if name == "Set-Cookie" && (value == gone || value == "old2=; Path=/app; Domain=example.org; Max-Age=0; HttpOnly") {
				lines++
			}
		}
		if want := map[bool]int{true: 2}[c.gone]; lines != want {
			t.Errorf("%s: %d deletions, want %d: %+v", name, lines, want, out)
		}
		b.visit(read)
	}
	for _, wrong := range []*http.Cookie{nil, {}, {Name: "a b"}, {Name: "a", Domain: "a;b"}} {
		m := newManager(t, core.Config{Adopt: func(context.Context, []*http.Cookie) (*core.Adoption, error) {
			return &core.Adoption{Subject: "alice", Forget: []*http.Cookie{wrong}}, nil
		}})
		b := newBrowser(t, m)
		b.cookie = "old=1"
		r := b.send()
		if _, err := r.respond(200); core.HTTPStatus(err) != 500 {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// legacy is another system with one session, alice's, which it gives away once.
type legacy struct {
	down, taken bool
	visitor     bool // nobody has signed in
	justNow     bool // says that it was taken a moment ago
	asked       int
}

func (l *legacy) adopt(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
	for _, c := range cookies {
		if c.Name != "old" {
			continue
		}
		l.asked++
		switch {
		case l.down:
			return nil, errors.New("down")
		case l.taken && l.justNow:
			return nil, core.ErrEnded
		case l.taken:
			return nil, nil
		}
		user := "alice"
		if l.visitor {
			user = ""
		}
		return &core.Adoption{
			Subject: user, Values: map[string]any{"count": 5}, Forget: []*http.Cookie{{Name: "old"}},
			Taken: func(context.Context) error {
				if l.taken {
					return core.ErrEnded
				}
				l.taken = true
				return nil
			},
		}, nil
	}
	return nil, nil
}

// Given two requests with one old cookie, when the other one takes the session over, and perhaps signs out, before this
// one ends, then this one begins no session, unless it signs in: it has its page if it only reads, and its changes are a 409.
func TestAdoptedByTwo(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(*core.Session) error
		status int
	}{
		"reads":     {func(s *core.Session) error { read(s); return nil }, 200},
		"writes":    {func(s *core.Session) error { return count.Set(s, 1) }, 409},
		"signs in":  {func(s *core.Session) error { return s.Login("alice") }, 200},
		"signs out": {(*core.Session).Logout, 409},
		"saves": {func(s *core.Session) error {
			if err := s.Save(ctx); !errors.Is(err, core.ErrEnded) {
				t.Errorf("Save: %v", err)
			}
			return nil
		}, 409},
	} {
		for _, signsOut := range []bool{false, true} {
			old := &legacy{visitor: name == "signs in" && signsOut}
			m := newManager(t, core.Config{Adopt: old.adopt})
			slow, quick := newBrowser(t, m), newBrowser(t, m)
			slow.cookie, quick.cookie = "old=1", "old=1"
			r := slow.send()
			if count.GetOr(r.s, 0) != 5 {
				t.Fatal("not adopted")
			}
			quick.visit(read)
			if signsOut {
				quick.visit(func(s *core.Session) { must(t, s.Logout()) })
			}
			must(t, c.do(r.s))
			out, err := r.respond(200)
			status := 200
			if err != nil {
				status = core.HTTPStatus(err)
			}
			own := 0 // a sign-in with a password begins a session of its own
			if name == "signs in" {
				own = 1
			}
			if status != c.status || (out.Name != "") != (own == 1) {
				t.Errorf("%s: %d, %v, want %d; the cookie is %q", name, status, err, c.status, out.Name)
			}
			if n := sessions(t, m); n != map[bool]int{false: 1}[signsOut]+own {
				t.Errorf("%s, the other signed out: %t: %d sessions", name, signsOut, n)
			}
		}
	}
}

// Given a session of ours and an old cookie beside it, when it signs out, then the old session is over, too. If that
// cannot be asked, the Logout fails.
func TestLogoutBesideAnOldSession(t *testing.T) {
	for _, down := range []bool{false, true} {
		old := &legacy{}
		m := newManager(t, core.Config{Adopt: old.adopt})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("bob")) })
		b.cookie += "; old=1"
		alive(t, b, true)
		if old.asked != 0 {
			t.Error("asked while bob is signed in")
		}
		old.down = down
		r := b.send()
		must(t, r.s.Logout())
		out, err := r.respond(200)
		if down {
			if core.HTTPStatus(err) != 503 {
				t.Errorf("a Logout that left the old session: %v", err)
			}
			continue
		}
		must(t, err)
		gone := 0
		for _, value := range out.Lines() {
			if strings.HasPrefix(value, "old=;") {
				gone++
			}
		}
		if !old.taken || gone != 1 {
			t.Errorf("taken: %t, %d deletions of the old cookie", old.taken, gone)
		}
		b.cookie = "old=1"
		alive(t, b, false)
	}
}

// Given a visitor's session of ours and the cookie of an old one that has a user, then that is taken over, with what the
// visitor has gathered. An old session without a user is left alone.
func TestAdoptOverAVisitor(t *testing.T) {
	const note core.Key[string] = "note"
	for _, user := range []string{"alice", ""} {
		m := newManager(t, core.Config{Adopt: func(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
			for _, c := range cookies {
				if c.Name == "old" {
					return &core.Adoption{Subject: user, Values: map[string]any{"count": 5}, Taken: func(context.Context) error { return nil }}, nil
				}
			}
			return nil, nil
		}})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, errors.Join(note.Set(s, "mine"), count.Set(s, 1))) })
		b.cookie += "; old=1"
		b.visit(func(s *core.Session) {
			want := map[string]int{"alice": 5, "": 1}[user]
			if s.Subject() != user || note.GetOr(s, "") != "mine" || count.GetOr(s, 0) != want {
				t.Errorf("%q has %q, %d, want %d", s.Subject(), note.GetOr(s, ""), count.GetOr(s, 0), want)
			}
		})
		if n := sessions(t, m); n != 1 {
			t.Errorf("%q: %d sessions", user, n)
		}
	}
}

// Given a session that was taken over a moment ago, when another request comes with the old cookie, then it is late: it
// reads as a visitor, and begins nothing that could replace the new cookie.
func TestAdoptedAMomentAgo(t *testing.T) {
	old := &legacy{justNow: true}
	m := newManager(t, core.Config{Adopt: old.adopt})
	b := newBrowser(t, m)
	b.cookie = "old=1"
	b.visit(read)
	for want, do := range map[int]func(*core.Session) error{
		200: func(s *core.Session) error { read(s); return nil },
		409: func(s *core.Session) error { return count.Set(s, 1) },
	} {
		late := newBrowser(t, m)
		late.cookie = "old=1"
		r := late.send()
		if r.s.Subject() != "" {
			t.Errorf("signed in as %q", r.s.Subject())
		}
		must(t, do(r.s))
		out, err := r.respond(200)
		status := 200
		if err != nil {
			status = core.HTTPStatus(err)
		}
		if status != want || out.Name != "" {
			t.Errorf("%d, %v, want %d; the cookie is %q", status, err, want, out.Name)
		}
	}
	late := newBrowser(t, m)
	late.cookie = "old=1"
	late.visit(func(s *core.Session) { must(t, s.Login("alice")) }) // with a password
	if n := sessions(t, m); n != 2 {
		t.Errorf("%d sessions", n)
	}
}

func TestAdoptedForLong(t *testing.T) {
	for aal, want := range map[int]time.Duration{0: 30 * 24 * time.Hour, 2: time.Hour} {
		m := newManager(t, core.Config{AAL: aal, Adopt: func(_ context.Context, cookies []*http.Cookie) (*core.Adoption, error) {
			for _, c := range cookies {
				if c.Name == "old" {
					return &core.Adoption{Subject: "alice", ExpireIn: 30 * 24 * time.Hour, Taken: func(context.Context) error { return nil }}, nil
				}
			}
			return nil, nil
		}})
		b := newBrowser(t, m)
		b.cookie = "old=1"
		b.visit(read)
		b.visit(func(s *core.Session) {
			if got := s.TimeLeft(); got > want || got < want-time.Minute {
				t.Errorf("AAL %d: %v left, want %v", aal, got, want)
			}
		})
	}
}
