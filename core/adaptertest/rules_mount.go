package adaptertest

import (
	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about applications with the middleware, without it, and with it twice.

var mountRules = []rule{
	{
		name: "without the middleware",
		text: "Given no session middleware, when a handler asks for its session, then it gets ErrNoSession and a session whose methods return that, and nothing panics.",
		run:  func(e *env) { wantNoSession(e, Options{None: true}) },
	},
	{
		name: "skipped",
		text: "Given the option to skip, when a request is skipped, then all is as without the middleware.",
		run:  func(e *env) { wantNoSession(e, Options{Skip: true}) },
	},
	{
		name: "mounted twice",
		text: "Given the middleware mounted twice, when a handler writes to the session, then there is one session, one load, one save and one cookie.",
		run: func(e *env) {
			e.cfg.SaveEveryRequest = true // a second session would be loaded even if no handler sees it
			b := e.page(Options{Twice: true}, countVisits(e)).browser()
			b.get("/").is(200, "visit 1").setsCookie()
			e.wantCalls("Create", 1)
			e.fault.Reset()
			b.get("/").is(200, "visit 2").setsCookie()
			e.wantCalls("Load", 1, "Update", 1)
			b.wantCount(2)
		},
	},
	{
		name: "Handle",
		text: "Given a handler made by Handle, when it writes to its session, then that is stored like any other.",
		run: func(e *env) {
			b := e.page(Options{Handle: true}, countVisits(e)).browser()
			b.get("/").is(200, "visit 1").setsCookie()
			b.get("/").is(200, "visit 2")
			b.wantCount(2)
		},
	},
	{
		name: "plain context",
		text: "Given a session, when code that has only the request's context asks core.FromContext, then it gets that session.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := fromContext(e, c)
				if s != e.session(c) {
					e.Errorf("FromContext has another session than Get")
				}
				return c.String(200, "done")
			}).withSession("")
			b.get("/").is(200, "done")
			e.wantCalls("Load", 1)
		},
	},
}

// countVisits counts visits and answers with their number.
func countVisits(e *env) Handler {
	return func(c Ctx) error {
		s := e.session(c)
		e.ok(count.Update(s, func(n int) int { return n + 1 }), "Update")
		return c.String(200, "visit "+itoa(count.GetOr(s, -1)))
	}
}

func wantNoSession(e *env, o Options) {
	b := e.page(o, func(c Ctx) error {
		s, err := c.Session()
		e.wantError(err, core.ErrNoSession, "Session")
		_, err = core.FromContext(c.Context())
		e.wantError(err, core.ErrNoSession, "FromContext")
		if s == nil {
			e.Errorf("the session is nil")
			return c.String(200, "done")
		}
		e.wantError(count.Set(s, 1), core.ErrNoSession, "Set")
		_, err = count.Get(s)
		e.wantError(err, core.ErrNoSession, "Get")
		e.wantError(s.Login("alice"), core.ErrNoSession, "Login")
		_ = s.Keys()
		return c.String(200, "done")
	}).withSession("")
	r := b.get("/").is(200, "done").leavesCookie()
	if hasMember(r.Header["Vary"], "Cookie") {
		r.errorf("Vary %q", r.Header["Vary"])
	}
	e.wantCalls()
}
