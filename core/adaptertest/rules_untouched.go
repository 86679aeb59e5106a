package adaptertest

import "github.com/coatcheck-go/coatcheck/core/storetest"

// Rules about sessions that are left alone or only read.

var untouchedRules = []rule{
	{
		name: "untouched",
		text: "Given a client with a session, when the handler does not ask for it, then the store is not called and the response says nothing of sessions.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error { return c.String(200, "done") }).seeded("")
			r := b.get("/").is(200, "done").leavesCookie()
			if len(r.Header["Vary"]) > 0 || len(r.Header["Cache-Control"]) > 0 {
				r.errorf("header %v", r.Header)
			}
			e.calls()
		},
	},
	{
		name: "read only",
		text: "Given a client with a session, when the handler reads it, then it is loaded once, nothing is written, no cookie is sent, and Vary says Cookie.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.session(c)
				return c.String(200, "visit "+itoa(count.GetOr(e.session(c), -1)))
			}).seeded("")
			b.get("/").is(200, "visit 1").leavesCookie().varies()
			e.calls("Load", 1)
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
			}).seeded("")
			token := b.token()
			b.get("/").is(200, "done").setsCookie()
			e.calls("Load", 1, "Touch", 1)
			if e.tokens == nil && b.token() != token {
				e.Errorf("another token")
			}
			b.has(1)
		},
	},
	{
		name:  "a touch that is refused",
		text:  "Given a store that takes no writes, when a touch is due and the handler only reads, then the page is as made, without a cookie, and the session stays as it is.",
		needs: []need{records},
		run: func(e *env) {
			e.cfg.TouchInterval = 1
			b := e.page(Options{}, func(c Ctx) error {
				return c.String(200, "visit "+itoa(count.GetOr(e.session(c), -1)))
			}).seeded("alice")
			e.fault.Before(storetest.On("Touch", "Update", "Create", "Delete"))
			b.get("/").is(200, "visit 1").leavesCookie().varies()
			e.calls("Load", 1, "Touch", 1)
			e.fault.Reset()
			b.has(1)
		},
	},
	{
		name: "unknown path",
		text: "Given a path without a route, when it is asked for, then the answer is the framework's 404, and the store is not called.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error { return c.String(200, "done") }).seeded("")
			b.get("/nowhere").status(404).leavesCookie()
			e.calls()
		},
	},
	{
		name:  "own page for unknown paths",
		text:  "Given the application's own 404 page, when it writes to the session, then that is stored.",
		needs: []need{notFounds},
		run: func(e *env) {
			b := e.serve(Options{NotFound: func(c Ctx) error {
				e.ok(count.Set(e.session(c), 1), "Set")
				return c.String(404, "not here")
			}}, routes{"/": visit(e)}).browser()
			b.get("/nowhere").is(404, "not here").setsCookie()
			b.has(1)
		},
	},
}
