package adaptertest

import (
	"context"
	"strings"
	"time"
)

// Rules about responses that go on for long after their header.

var streamRules = []rule{
	{
		name: "flush first",
		text: "Given a handler that writes to the session and flushes before its first byte, when the header leaves, then the cookie is in it.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(count.Set(e.session(c), 1), "Set")
				return c.Stream(func(send func(string) error) {
					e.ok(send(""), "flush")
					e.ok(send("done"), "send")
				})
			}).browser()
			b.get("/").is(200, "done").setsCookie()
			b.has(1)
		},
	},
	{
		name: "change after the header",
		text: "Given a stored session, when a stream changes it after its first chunk, then that is stored, as it needs no cookie.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				return c.Stream(func(send func(string) error) {
					_ = send("one")
					e.ok(count.Set(s, 2), "Set")
					_ = send("two")
				})
			}).seeded("")
			r := b.get("/").is(200, "onetwo")
			if !e.h.Adapter.Caps().Buffered { // there the stream may be quicker than the header
				r.leavesCookie()
			}
			e.eventually("saved", func() bool { n, _ := b.holds(); return n == 2 })
		},
		needs: []need{records},
	},
	{
		name:  "first write after the header",
		text:  "Given a new client, when a handler first writes to the session after the header has left, then nothing is stored, no cookie is sent, and the log says so, once.",
		needs: []need{streams},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				return c.Stream(func(send func(string) error) {
					_ = send("one")
					e.ok(count.Set(s, 2), "Set")
					_ = send("two")
				})
			}).browser()
			b.get("/").is(200, "onetwo").leavesCookie()
			e.calls()
			if n := strings.Count(e.log.String(), "header was sent"); n != 1 {
				e.Errorf("logged %d times: %s", n, e.log.String())
			}
		},
	},
	{
		name:  "Save in a stream",
		text:  "Given a stored session, when a stream calls Save between two chunks, then the change is stored there and then.",
		needs: []need{records},
		run:   saveInStream,
	},
}

func saveInStream(e *env) {
	var b *browser
	b = e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		return c.Stream(func(send func(string) error) {
			_ = send("one")
			time.Sleep(20 * time.Millisecond) // whatever comes after the handler has come
			for i := range 3 {
				e.ok(count.Set(s, 2+i), "Set")
				e.ok(s.Save(context.Background()), "Save")
				b.has(2 + i)
			}
			_ = send("two")
		})
	}).seeded("")
	r := b.get("/").is(200, "onetwo")
	if !e.h.Adapter.Caps().Buffered {
		r.leavesCookie()
	}
	b.has(4)
}
