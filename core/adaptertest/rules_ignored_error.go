package adaptertest

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about errors that methods of the session return. A response must not report success if the handler ignored
// such an error, and the log must have it.

// failingCalls are calls to a session that return an error.
var failingCalls = []struct {
	name string
	make func(s *core.Session) error
}{
	{"Set", func(s *core.Session) error { return core.Key[chan int]("channel").Set(s, make(chan int)) }},
	{"Update", func(s *core.Session) error {
		return core.Key[int](note).Update(s, func(n int) int { return n + 1 })
	}},
	{"Pop", func(s *core.Session) error { _, err := core.Key[int](note).Pop(s); return err }},
	{"Login", func(s *core.Session) error { return s.Login("") }},
	{"ExpireIn", func(s *core.Session) error { return s.ExpireIn(-1) }},
}

var ignoredErrorRules = []rule{
	{
		name: "an ignored error",
		text: "Given a handler that ignores the error of a method of the session and reports success, then the client gets a 500 with nothing of the handler's, nothing is stored, and there are one line in the log and one event.",
		run: func(e *env) {
			b := e.failingCallPage(func(c Ctx) error { return c.String(200, longBody) })
			for _, m := range failingCalls {
				b.get("/", "X-Do", m.name).failed(500, "")
				b.wantCount(1)
				e.checkLog(m.name, 1, 1)
			}
		},
	},
	{
		name: "an error that is answered",
		text: "Given a handler that answers the error of a method of the session with a status of 400 or more, then its answer stands and nothing is stored; what a Logout ended stays ended.",
		run: func(e *env) {
			b := e.failingCallPage(func(c Ctx) error { return c.String(400, "bad name") })
			for _, m := range failingCalls {
				b.get("/", "X-Do", m.name).is(400, "bad name").leavesCookie()
				b.wantCount(1)
				e.checkLog(m.name, 0, 1)
				out := b.withSession("alice", func(s *core.Session) { e.ok(note.Set(s, "no number"), "Set") })
				was := out.copyOf()
				out.get("/", "X-Do", m.name, "X-Out", "1").is(400, "bad name").deletesCookie()
				was.wantAnonymous()
				e.checkLog(m.name+" after Logout", 0, 1)
			}
		},
	},
	{
		name: "an error that is made good",
		text: "Given a value that cannot be decoded any more, when a handler gets that error and sets a new value, then that is stored, and the response is the handler's.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				number := core.Key[int](note)
				if number.Update(s, func(n int) int { return n + 1 }) == nil {
					e.Errorf("the value can be decoded")
				}
				e.ok(number.Set(s, 7), "Set")
				e.ok(count.Set(s, 2), "Set")
				return c.String(200, "done")
			}).withSession("", func(s *core.Session) { e.ok(note.Set(s, "no number"), "Set") })
			b.get("/").is(200, "done")
			b.wantCount(2)
		},
	},
	{
		name: "after a redirect",
		text: "Given a handler that sends a redirect and signs in or sets a value afterwards, then either the call returns ErrHeaderSent and nothing is stored, or the cookie is in the response and it is stored.",
		run:  afterRedirect,
	},
}

// failingCallPage serves a page that writes, makes the failing call that X-Do names, signs out before if X-Out is set,
// and answers.
func (e *env) failingCallPage(answer Handler) *browser {
	e.cfg.Observer = func(_ context.Context, event core.Event) {
		if event.Kind == core.EventDropped {
			e.dropped.Add(1)
		}
	}
	b := e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		e.ok(count.Set(s, 2), "Set")
		c.SetHeader("Etag", secret)
		for _, m := range failingCalls {
			if m.name != c.Header("X-Do") {
				continue
			}
			if c.Header("X-Out") != "" {
				e.ok(s.Logout(), "Logout")
				e.ok(note.Set(s, "no number"), "Set")
			}
			if m.make(s) == nil {
				e.Errorf("%s: no error", m.name)
			}
		}
		return answer(c)
	}).withSession("", func(s *core.Session) { e.ok(note.Set(s, "no number"), "Set") })
	e.checkLog("", 0, 0)
	return b
}

// checkLog checks the number of lines in the log above debug level, and of core.EventDropped, since the last checkLog.
func (e *env) checkLog(what string, lines, dropped int) {
	e.Helper()
	e.eventually("the log of "+what, func() bool { return e.logLines() >= lines })
	if n := e.logLines(); n != lines {
		e.Errorf("%s: %d lines in the log, want %d: %.2000s", what, n, lines, e.log.String())
	}
	if n := e.dropped.Swap(0); int(n) != dropped {
		e.Errorf("%s: %d events core.EventDropped, want %d", what, n, dropped)
	}
	e.log.startAnew()
}

func afterRedirect(e *env) {
	var refused error
	s := e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		err := c.Redirect(303, "/home")
		if s.IsNew() {
			refused = count.Set(s, 1)
		} else {
			refused = s.Login("bob")
		}
		return err
	})
	for _, method := range []string{"GET", "POST"} {
		fresh := s.browser()
		fresh.send(method, "/").status(303)
		if _, live := fresh.storedCount(); live != (refused == nil) {
			e.Errorf("%s: Set returned %v, and there is a session: %t", method, refused, live)
		}
		b := s.withSession("")
		r := b.send(method, "/").status(303).wantHeader("Location", "/home")
		if refused != nil {
			e.wantError(refused, core.ErrHeaderSent, method+": Login after a redirect")
			r.leavesCookie()
			b.wantCount(1)
		} else {
			r.setsCookie()
			b.peek(func(s *core.Session) {
				if s.Subject() != "bob" {
					e.Errorf("%s: the Login returned nil, and the session is %q's", method, s.Subject())
				}
			})
		}
	}
}
