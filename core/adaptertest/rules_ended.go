package adaptertest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about slow requests whose session ends meanwhile (by a logout, a sign-in, a revocation, its deadline) or gets a
// new token. An ended session stays ended. A change that meets the end is refused, and not dropped in silence. The
// slow response does not disturb the newer session.

// change is what a slow request does to its session.
type change struct {
	name string
	do   func(s *core.Session, c Ctx)
}

var changes = []change{
	{"read", func(s *core.Session, _ Ctx) { _ = s.Keys() }}, // and a Touch
	{"set", func(s *core.Session, _ Ctx) { _ = count.Set(s, 99) }},
	{"update", func(s *core.Session, _ Ctx) { _ = count.Update(s, func(n int) int { return n + 98 }) }},
	{"rotate", func(s *core.Session, _ Ctx) { _ = s.RotateID() }},
	{"add flash", func(s *core.Session, _ Ctx) { _ = s.AddFlash("info", "late") }},
	{"flashes", func(s *core.Session, c Ctx) { _, _ = s.Flashes(c.Context()) }},
	{"clear", func(s *core.Session, _ Ctx) { _ = s.Clear() }},
	{"logout", func(s *core.Session, _ Ctx) { _ = s.Logout() }},
	{"save", func(s *core.Session, c Ctx) { _ = count.Set(s, 99); _ = s.Save(c.Context()) }},
}

// writes reports whether the change must not be lost.
func (ch change) writes() bool {
	return ch.name != "read" && ch.name != "flashes" && ch.name != "logout"
}

// ending is how a session ends, or gets a new token, while another request uses it.
type ending struct {
	name string
	// end ends the session, with b's cookie or without the client. It returns false if the store cannot do that.
	end   func(b *browser, subject string) bool
	again bool // the client has a session afterwards
}

// The endings that need other settings or checks: idleness needs an idle timeout, and rotating ends no session.
const (
	idleness = "idleness"
	rotating = "rotation"
)

var endings = []ending{
	{"logout", func(b *browser, _ string) bool { b.get("/logout").status(204).deletesCookie(); return true }, false},
	{rotating, func(b *browser, _ string) bool { b.get("/rotate").status(204).setsCookie(); return true }, true},
	{"login", func(b *browser, _ string) bool { b.get("/login").status(204).setsCookie(); return true }, true},
	{"revocation", func(b *browser, _ string) bool {
		b.peek(func(s *core.Session) { b.ok(b.m.Revoke(context.Background(), s.ID()), "Revoke") })
		return true
	}, false},
	{"revocation of the subject", func(b *browser, subject string) bool {
		_, err := b.m.RevokeSubject(context.Background(), subject)
		if b.tokens != nil && errors.Is(err, errors.ErrUnsupported) {
			return false
		}
		b.ok(err, "RevokeSubject")
		return true
	}, false},
	{"expiry", func(_ *browser, _ string) bool { time.Sleep(1200 * time.Millisecond); return true }, false},
	{idleness, func(_ *browser, _ string) bool { time.Sleep(1200 * time.Millisecond); return true }, false},
}

var endedRules = func() (list []rule) {
	for _, end := range endings {
		list = append(list, rule{
			name: "ended by " + end.name,
			text: "Given a slow request that changes its session before or after the session is ended or rotated by another one, when its response leaves, then it is a 409 if a change met the end, and else the handler's; it has no token. The old cookie has no session. A newer session is as it was, and after a rotation it has the change.",
			run:  func(e *env) { endWhileSlow(e, end) },
		})
	}
	return append(list, rule{
		name:  "old token after a rotation",
		text:  "Given a session that was rotated a moment ago, when a request arrives with the old token, then it is anonymous, what it writes is refused with a 409 that says to try again, and its response has no Set-Cookie.",
		needs: []need{needRecords},
		run:   oldToken,
	})
}()

// slowHandler does its change before or after the session ends.
type slowHandler struct {
	*env
	mu    sync.Mutex
	asked map[string]chan bool // by X-Id of a request; closed when its handler has the session
	ended map[string]chan bool // closed when that has ended
}

func (w *slowHandler) channels(id string) (asked, ended chan bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked[id] == nil {
		w.asked[id], w.ended[id] = make(chan bool), make(chan bool)
	}
	return w.asked[id], w.ended[id]
}

func (w *slowHandler) serve(c Ctx) error {
	asked, ended := w.channels(strings.Clone(c.Header("X-Id")))
	s := w.session(c)
	act := func() {
		for _, ch := range changes {
			if ch.name == c.Header("X-Do") {
				ch.do(s, c)
			}
		}
	}
	early := c.Header("X-When") == "before"
	if early {
		act()
	}
	close(asked)
	<-ended
	if !early {
		act()
	}
	return c.String(200, "slow")
}

// endWhileSlow runs slow requests of all kinds at once, with SaveEveryRequest and without.
func endWhileSlow(e *env, end ending) {
	e.cfg.TouchInterval = time.Microsecond
	if end.name == idleness {
		e.cfg.IdleTimeout = time.Second
	}
	w := &slowHandler{env: e, asked: map[string]chan bool{}, ended: map[string]chan bool{}}
	all := routes{
		"/slow":   w.serve,
		"/logout": func(c Ctx) error { e.ok(e.session(c).Logout(), "Logout"); return c.NoContent(204) },
		"/rotate": func(c Ctx) error { e.ok(e.session(c).RotateID(), "RotateID"); return c.NoContent(204) },
		"/login":  func(c Ctx) error { e.ok(e.session(c).Login("bob"), "Login"); return c.NoContent(204) },
	}
	var sites [4]*site
	for i := range sites {
		e.cfg.SaveEveryRequest = i >= 2
		if i%2 == 0 {
			sites[i] = e.serve(Options{}, all)
		} else {
			sites[i] = e.serveSecond(Options{}, all)
		}
	}
	var wg sync.WaitGroup
	for i := 0; i < len(sites); i += 2 {
		for _, ch := range changes {
			for _, when := range []string{"before", "after"} {
				wg.Go(func() { w.slowRequest(sites[i], sites[i+1], ch, when, end) })
			}
		}
	}
	wg.Wait()
}

// slowRequest sends one slow request to a, ends its session at twin, and checks the outcome.
func (w *slowHandler) slowRequest(a, twin *site, ch change, when string, end ending) {
	id := ch.name + " " + when
	if a.savesEvery {
		id += ", SaveEveryRequest"
	}
	old := a.withSession(id, func(s *core.Session) {
		_ = s.AddFlash("info", "x")
		if end.name == "expiry" {
			_ = s.ExpireAt(time.Now().Add(1100 * time.Millisecond))
		}
	})
	user := old.on(twin)
	asked, ended := w.channels(id)
	got := make(chan *response, 1)
	go func() {
		r, err := old.copyOf().try("GET", "/slow", "X-Id", id, "X-Do", ch.name, "X-When", when)
		w.ok(err, "the slow request")
		got <- r
	}()
	<-asked
	if !end.end(user, id) {
		close(ended)
		<-got
		return
	}
	close(ended)
	r := <-got
	if r == nil {
		return
	}
	w.checkOutcome(r, id, ch, when == "before", end)
	if n, live := old.storedCount(); live {
		w.Errorf("%s: the old cookie stands for a session again, count %d", id, n)
	}
	if _, live := user.storedCount(); live != (end.again && !w.signsOut(ch, end)) {
		w.Errorf("%s: the newer session is alive: %t", id, live)
	}
}

// signsOut reports whether the slow request ends the session although that was rotated: a Logout is meant for the
// session, whichever token it has.
func (w *slowHandler) signsOut(ch change, end ending) bool {
	return ch.name == "logout" && end.name == rotating && w.tokens == nil
}

// checkOutcome checks the slow response.
func (w *slowHandler) checkOutcome(r *response, id string, ch change, early bool, end ending) {
	r.sent += " (" + id + ")"
	saved := early && ch.name == "save"
	onTop := end.name == rotating && w.tokens == nil
	flashes := ch.name == "flashes" && w.tokens != nil // they leave the cookie at the end
	switch {
	case w.signsOut(ch, end):
		r.is(200, "slow").deletesCookie()
	case (ch.writes() || flashes) && !saved && !onTop:
		r.ended()
	default:
		r.is(200, "slow").leavesCookie()
	}
}

func oldToken(e *env) {
	h := func(c Ctx) error {
		s := e.session(c)
		if !s.IsNew() || s.Subject() != "" {
			e.Errorf("%s: not anonymous: %v", c.Header("X-Do"), s)
		}
		for _, ch := range changes {
			if ch.name == c.Header("X-Do") {
				ch.do(s, c)
			}
		}
		return c.String(200, "done")
	}
	a := e.serve(Options{}, routes{"/": h, "/login": func(c Ctx) error {
		e.ok(e.session(c).Login("bob"), "Login")
		return c.NoContent(204)
	}})
	twin := e.serveSecond(Options{}, routes{"/": h})
	b := a.withSession("")
	old := b.on(twin)
	b.get("/login").setsCookie()
	for _, ch := range changes {
		r := old.copyOf().get("/", "X-Do", ch.name)
		switch ch.name {
		case "set", "update", "add flash", "save":
			r.late()
		default: // there is nothing to do for an anonymous request
			r.is(200, "done").leavesCookie()
		}
	}
	b.wantCount(1)
	if n := a.sessions(); n != 1 {
		e.Errorf("%d sessions, want 1", n)
	}
}
