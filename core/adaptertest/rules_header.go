package adaptertest

import (
	"strings"
)

// Rules about the response's header, which the handler writes to as well.

var headerRules = []rule{
	{
		name: "own cookies of the handler",
		text: "Given a handler that adds two cookies of its own, when its response leaves, then there are three Set-Cookie lines, one of them the session's.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				c.AddHeader("Set-Cookie", "a=1")
				e.ok(count.Set(e.session(c), 1), "Set")
				c.AddHeader("Set-Cookie", "b=2")
				return c.String(200, "done")
			}).browser()
			r := b.get("/").is(200, "done").setsCookie()
			if lines := strings.Join(r.Header["Set-Cookie"], "\n"); len(r.Header["Set-Cookie"]) != 3 || !strings.Contains(lines, "a=1") || !strings.Contains(lines, "b=2") {
				r.errorf("Set-Cookie %q", lines)
			}
		},
	},
	{
		name: "Vary is merged",
		text: "Given a handler that sets Vary, when the session was used, then Vary has both members, and Cookie once.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				c.SetHeader("Vary", c.Header("X-Vary"))
				e.session(c)
				return c.String(200, "done")
			}).withSession("")
			b.get("/", "X-Vary", "Accept").varies().hasMember("Vary", "Accept")
			b.get("/", "X-Vary", "Accept, cookie").varies().hasMember("Vary", "Accept")
			b.get("/", "X-Vary", "*").wantHeader("Vary", "*")
		},
	},
	{
		name: "Cache-Control",
		text: "Given a response with a token, then Cache-Control says no-store, unless the handler said private or no-store; given a response without a token, then Cache-Control is the handler's.",
		run:  cacheControl,
	},
	{
		name: "last value",
		text: "Given a handler that saves a value, sets another one and answers, when the response leaves, then there is one Set-Cookie, and the last value is stored.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				e.ok(count.Set(s, 1), "Set")
				e.ok(s.Save(c.Context()), "Save")
				e.ok(count.Set(s, 2), "Set")
				return c.String(200, "done")
			}).browser()
			b.get("/").is(200, "done").setsCookie()
			e.wantCalls("Create", 1, "Update", 1)
			b.wantCount(2)
		},
	},
}

func cacheControl(e *env) {
	b := e.page(Options{}, func(c Ctx) error {
		if cc := c.Header("X-Control"); cc != "" {
			c.SetHeader("Cache-Control", cc)
		}
		if s := e.session(c); c.Header("X-Write") != "" {
			e.ok(s.RotateID(), "RotateID")
		}
		return c.String(200, "done")
	}).withSession("")
	for _, test := range []struct{ write, handler, want string }{
		{"1", "", "no-store"}, {"1", "public, max-age=60", "no-store"},
		{"1", "private, max-age=60", "private, max-age=60"}, {"1", "no-store, must-revalidate", "no-store, must-revalidate"},
		{"1", "public, *", "no-store"}, {"1", `private="X-Field"`, "no-store"}, {"1", `no-cache="a, no-store, b"`, "no-store"},
		{"", "", ""}, {"", "public, max-age=60", "public, max-age=60"},
	} {
		b.get("/", "X-Write", test.write, "X-Control", test.handler).is(200, "done").wantHeader("Cache-Control", test.want)
	}
}
