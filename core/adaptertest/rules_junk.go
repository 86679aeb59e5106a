package adaptertest

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about hostile clients.

var junkRules = []rule{
	{
		name: "a flood of junk",
		text: "Given thousands of requests with junk, unknown, forged and ambiguous tokens, when handlers read the session, ask for flash messages, rotate and log out, then nothing is stored, no cookie is sent, nothing panics, and no line of the log is above DEBUG: clients must not fill it.",
		run:  floodOfJunk,
	},
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// junk returns the nth Cookie header of a client that guesses tokens. good is the token of a live session.
func junk(n int, name, good string) string {
	var raw [32]byte
	rand.Read(raw[:])
	token := base64.RawURLEncoding.EncodeToString(raw[:])
	last := strings.IndexByte(letters, good[len(good)-1])
	switch n % 12 {
	case 0:
		return name + "=" + token
	case 1:
		return name + "=" + token + "; " + name + "=" + good[:len(good)-1]
	case 2: // another spelling of a good token
		return name + "=" + good[:len(good)-1] + letters[last^1:last^1+1]
	case 3:
		return name + "=" + strings.ToUpper(good)
	case 4:
		return name + "=" + good + "\x01"
	case 5:
		return name + "=../../../../etc/passwd"
	case 6:
		return name + "=" + strings.Repeat("A", 2000)
	case 7:
		return strings.Repeat(name+"="+token+"x; ", 20)
	case 8:
		return name + "=' OR 1=1 --; " + name + "=%00%0d%0a"
	case 9: // no value
		return name
	case 10:
		return strings.Repeat(";=", 500) + name + "="
	}
	return name + "=" + base64.RawURLEncoding.EncodeToString(raw[:n%32])
}

func floodOfJunk(e *env) {
	n := e.h.Junk
	if n == 0 {
		n = 10_000
		if testing.Short() {
			n = 1_000
		}
	}
	s := e.page(Options{RecoverOutside: true}, func(c Ctx) error {
		s := e.session(c)
		switch c.Header("X-Do") {
		case "0":
			e.ok(s.Logout(), "Logout")
			return c.Redirect(303, "/")
		case "1":
			_, err := s.Flashes(c.Context())
			e.ok(err, "Flashes")
		case "2":
			e.ok(s.RotateID(), "RotateID")
		case "3":
			e.ok(s.Clear(), "Clear")
		case "4":
			_, err := count.Pop(s)
			e.wantError(err, core.ErrNoValue, "Pop")
		}
		return c.String(200, "done")
	})
	b := s.withSession("alice")
	logged := len(e.log.String())
	const clients = 8
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			w := s.dial()
			for i := client; i < n; i += clients {
				if err := w.junk(i, junk(i/6, cookieName(e.cfg), b.token())); err != nil {
					e.Errorf("%v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	for line := range strings.Lines(e.log.String()[logged:]) {
		if !strings.Contains(line, " level=DEBUG ") {
			e.Errorf("a client can fill the log above DEBUG: %.300s", line)
		}
	}
	for method, n := range e.fault.Calls() {
		if method != "Load" {
			e.Errorf("%d calls of %s", n, method)
		}
	}
	if e.tokens == nil && s.sessions() != 1 {
		e.Errorf("%d sessions, want the one that was there", s.sessions())
	}
	b.wantCount(1)
}

// junk sends one request with a junk cookie. The server itself may refuse it; nothing else may happen.
func (w *rawConn) junk(i int, cookie string) error {
	do := itoa(i % 6)
	r, err := w.try("/", "X-Do: "+do, "Cookie: "+cookie)
	if err != nil {
		return fmt.Errorf("%.80q: %w", cookie, err)
	}
	want := 200
	if do == "0" {
		want = 303
	}
	refused := r.StatusCode == 400 && strings.Contains(cookie, "\x01") // by the server itself
	if refused {
		*w = *w.site.dial()
	} else if r.StatusCode != want || len(r.sessionCookies()) > 0 {
		return fmt.Errorf("%.80q: status %d, want %d, Set-Cookie %q", cookie, r.StatusCode, want, r.sessionCookies())
	}
	return nil
}

var secretRules = []rule{
	{
		name: "tokens stay secret",
		text: "Given a session, its exchange, its manager and its context when they are printed, logged or quoted in errors in any way, then no token is shown.",
		run:  printedSessions,
	},
}

func printedSessions(e *env) {
	var s *site
	s = e.page(Options{}, func(c Ctx) error {
		session, err := c.Session()
		e.ok(err, "Session")
		ctx := c.Context()
		e.ok(session.RotateID(), "RotateID")
		_ = session.ID()
		json, _ := session.MarshalJSON()
		var all strings.Builder
		for _, v := range []any{session, *new(core.ID), session.ID(), s.m, s.m.Adapter().Exchange(ctx), ctx, session.Err(), errors.Join(session.Save(ctx), err)} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
				fmt.Fprintf(&all, verb+"\n", v)
			}
		}
		s.cfg.Logger.Debug("printed", "session", session, "manager", s.m, "exchange", s.m.Adapter().Exchange(ctx), "id", session.ID())
		return c.String(200, all.String()+string(json))
	})
	b := s.withSession("alice")
	e.fault.Reset()
	b.get("/").status(200).setsCookie()
	b.get("/").status(200).setsCookie()
}
