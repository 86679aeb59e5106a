package adaptertest

import (
	"sync"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about messages for the next page.

var flashRules = []rule{
	{
		name:  "flash messages are seen once",
		text:  "Given two flash messages and 32 requests at the same time that ask for them, then each message is in exactly one response.",
		needs: []need{needRecords},
		run: func(e *env) {
			h := func(c Ctx) error {
				list, err := e.session(c).Flashes(c.Context())
				e.ok(err, "Flashes")
				body := ""
				for _, f := range list {
					body += f.Text + " "
				}
				return c.String(200, body)
			}
			var mu sync.Mutex
			all := ""
			b := e.atBothServers(h, func(b *browser, i int) {
				r, err := b.try("GET", "/")
				if err != nil || r.StatusCode != 200 {
					e.Errorf("request %d: %v, %v", i, r, err)
					return
				}
				mu.Lock()
				all += r.body
				mu.Unlock()
			}, readers, func(s *core.Session) {
				e.ok(s.AddFlash("info", "one"), "AddFlash")
				e.ok(s.AddFlash("info", "two"), "AddFlash")
			})
			if all != "one two " && all != "two one " {
				e.Errorf("the responses together hold %q", all)
			}
			b.wantCount(1)
		},
	},
	{
		name: "flash over a sign-in",
		text: "Given a visitor with the message to sign in first, when the visitor signs in, then the next page shows it, once.",
		run: func(e *env) {
			two := e.twoServers()
			b := two.here.browser()
			b.get("/", "X-Do", "flash").status(200).setsCookie()
			b.get("/", "X-Do", "login bob").is(200, secret+" ").setsCookie()
			b.get("/", "X-Do", "flashes").is(200, secret+" new")
			b.get("/", "X-Do", "flashes").is(200, secret+" ")
			if got := b.state(); got != "bob" {
				e.Errorf("the session is %q", got)
			}
		},
	},
	{
		name: "flash over a redirect",
		text: "Given a handler that leaves a flash message and redirects, when the next pages ask for messages, then the first gets it, and the second does not.",
		run: func(e *env) {
			b := e.serve(Options{}, routes{
				"/post": func(c Ctx) error {
					e.ok(e.session(c).AddFlash("info", "saved"), "AddFlash")
					return c.Redirect(303, "/")
				},
				"/": func(c Ctx) error {
					list, err := e.session(c).Flashes(c.Context())
					e.ok(err, "Flashes")
					return c.String(200, itoa(len(list)))
				},
			}).browser()
			b.send("POST", "/post").status(303).setsCookie()
			b.get("/").is(200, "1")
			b.get("/").is(200, "0")
		},
	},
}
