package adaptertest

import (
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about messages for the next page.

var flashRules = []rule{
	{
		name:  "flash messages are seen once",
		text:  "Given two flash messages and 32 requests at the same time that ask for them, then each message is in exactly one response.",
		needs: []need{records},
		run: func(e *env) {
			e.cfg.StoreTimeout = 30 * time.Second
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
			b := e.both(h, func(b *browser, i int) {
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
			b.has(1)
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
