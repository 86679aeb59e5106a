package adaptertest

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about sessions that are not used or only read.

var untouchedRules = []rule{
	{
		name: "a passive request",
		text: "Given the option for passive requests and a TouchInterval that has passed, when a handler reads, then nothing is written and no cookie is sent; when it writes, then that is stored, no cookie is sent, and the deadline stays.",
		run: func(e *env) {
			e.cfg.SaveEveryRequest = true
			b := e.page(Options{Passive: true}, func(c Ctx) error {
				if s := e.session(c); c.Header("X-Write") != "" {
					e.ok(count.Set(s, 5), "Set")
				}
				return c.String(200, "done")
			}).withSession("")
			deadline := func() (at time.Time) {
				b.peek(func(s *core.Session) { at = s.ExpiresAt() })
				e.fault.Reset()
				return at
			}
			began := deadline()
			b.get("/").is(200, "done").leavesCookie()
			e.wantCalls("Load", 1)
			r := b.get("/", "X-Write", "1").is(200, "done")
			if e.tokens == nil {
				r.leavesCookie()
			} // else the cookie is what is stored
			if at := deadline(); !at.Equal(began) {
				e.Errorf("the deadline moved by %v", at.Sub(began))
			}
			b.wantCount(5)
		},
	},
	{
		name: "untouched",
		text: "Given a client with a session, when the handler does not ask for it, then the store is not called, and the response has no header about a session.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error { return c.String(200, "done") }).withSession("")
			r := b.get("/").is(200, "done").leavesCookie()
			if len(r.Header["Vary"]) > 0 || len(r.Header["Cache-Control"]) > 0 {
				r.errorf("header %v", r.Header)
			}
			e.wantCalls()
		},
	},
	{
		name: "read only",
		text: "Given a client with a session, when the handler reads it, then it is loaded once, nothing is written, no cookie is sent, and Vary says Cookie.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.session(c)
				return c.String(200, "visit "+itoa(count.GetOr(e.session(c), -1)))
			}).withSession("")
			b.get("/").is(200, "visit 1").leavesCookie().varies()
			e.wantCalls("Load", 1)
		},
	},
	{
		name: "a touch",
		text: "Given a TouchInterval that has passed, when the handler only reads, then the deadline moves in the store, no data is written, and the cookie is sent again.",
		run: func(e *env) {
			e.cfg.TouchInterval = 1
			b := e.page(Options{}, func(c Ctx) error {
				e.session(c)
				return c.String(200, "done")
			}).withSession("")
			token := b.token()
			b.get("/").is(200, "done").setsCookie()
			e.wantCalls("Load", 1, "Touch", 1)
			if e.tokens == nil && b.token() != token {
				e.Errorf("another token")
			}
			b.wantCount(1)
		},
	},
	{
		name:  "a touch that is refused",
		text:  "Given a store that takes no writes, when a touch is due and the handler only reads, then the response is the handler's, without a cookie, and the session stays as it is.",
		needs: []need{needRecords},
		run: func(e *env) {
			e.cfg.TouchInterval = 1
			b := e.page(Options{}, func(c Ctx) error {
				return c.String(200, "visit "+itoa(count.GetOr(e.session(c), -1)))
			}).withSession("alice")
			e.fault.Before(storetest.On("Touch", "Update", "Create", "Delete"))
			b.get("/").is(200, "visit 1").leavesCookie().varies()
			e.wantCalls("Load", 1, "Touch", 1)
			e.fault.Reset()
			b.wantCount(1)
		},
	},
	{
		name: "unknown path",
		text: "Given a path without a route, when it is asked for, then the answer is the framework's 404, and the store is not called.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error { return c.String(200, "done") }).withSession("")
			b.get("/nowhere").status(404).leavesCookie()
			e.wantCalls()
		},
	},
	{
		name:  "own page for unknown paths",
		text:  "Given the application's own 404 page, when it writes to the session, then that is stored.",
		needs: []need{needNotFound},
		run: func(e *env) {
			b := e.serve(Options{NotFound: func(c Ctx) error {
				e.ok(count.Set(e.session(c), 1), "Set")
				return c.String(404, "not here")
			}}, routes{"/": countVisits(e)}).browser()
			b.get("/nowhere").is(404, "not here").setsCookie()
			b.wantCount(1)
		},
	},
}
