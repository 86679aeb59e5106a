package adaptertest

import (
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about the ways in which a response leaves: the session is stored before any of them.

var mountRules = []rule{
	{
		name: "without the middleware",
		text: "Given no session middleware, when a handler asks for its session, then it gets ErrNoSession and a session whose methods return that, and nothing panics.",
		run:  func(e *env) { noSession(e, Options{None: true}) },
	},
	{
		name: "skipped",
		text: "Given the option to skip, when a request is skipped, then it is as if there were no middleware.",
		run:  func(e *env) { noSession(e, Options{Skip: true}) },
	},
	{
		name: "mounted twice",
		text: "Given the middleware mounted twice, when a handler writes to the session, then there is one session, one load, one save and one cookie.",
		run: func(e *env) {
			e.cfg.SaveEveryRequest = true // a second session would be loaded even if no handler sees it
			b := e.page(Options{Twice: true}, visit(e)).browser()
			b.get("/").is(200, "visit 1").setsCookie()
			e.calls("Create", 1)
			e.fault.Reset()
			b.get("/").is(200, "visit 2").setsCookie()
			e.calls("Load", 1, "Update", 1)
			b.has(2)
		},
	},
	{
		name: "Handle",
		text: "Given a handler made by Handle, when it writes to its session, then that is stored like any other.",
		run: func(e *env) {
			b := e.page(Options{Handle: true}, visit(e)).browser()
			b.get("/").is(200, "visit 1").setsCookie()
			b.get("/").is(200, "visit 2")
			b.has(2)
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
			}).seeded("")
			b.get("/").is(200, "done")
			e.calls("Load", 1)
		},
	},
}

// visit counts visits and answers with their number.
func visit(e *env) Handler {
	return func(c Ctx) error {
		s := e.session(c)
		e.ok(count.Update(s, func(n int) int { return n + 1 }), "Update")
		return c.String(200, "visit "+itoa(count.GetOr(s, -1)))
	}
}

// answerRules: every kind of answer, with and without compression.
var answerRules = func() (list []rule) {
	for _, z := range compressions {
		for _, a := range answers {
			list = append(list, rule{
				name: named("save with "+a.name, z),
				text: "Given a new client, when a handler writes to the session and answers in whatever way, then the answer arrives whole and carries the cookie, and the session is stored before.",
				run:  func(e *env) { saveWith(e, a, z.options) },
			})
		}
	}
	return append(list, rule{
		name: "save with HEAD",
		text: "Given a new client, when it sends HEAD to a handler that writes to the session, then the header carries the cookie.",
		run: func(e *env) {
			b := e.page(Options{}, visit(e)).browser()
			b.send("HEAD", "/").is(200, "").setsCookie()
			b.has(1)
		},
	})
}()

func saveWith(e *env, a answer, o Options) {
	b := e.page(o, func(c Ctx) error {
		e.ok(count.Update(e.session(c), func(n int) int { return n + 1 }), "Update")
		return a.send(e, c)
	}).browser()
	r := b.get("/")
	a.arrived(r)
	r.setsCookie()
	e.calls("Create", 1)
	b.has(1)
	if zipped := o.GzipInside || o.GzipOutside; a.body == text && r.Uncompressed != zipped {
		r.errorf("compressed: %t, want %t: the application under test is not built as Options says", r.Uncompressed, zipped)
	}
	b.get("/") // and so it goes on
	b.has(2)
}

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
			}).seeded("")
			b.get("/", "X-Vary", "Accept").varies().hasMember("Vary", "Accept")
			b.get("/", "X-Vary", "Accept, cookie").varies().hasMember("Vary", "Accept")
			b.get("/", "X-Vary", "*").has("Vary", "*")
		},
	},
	{
		name: "Cache-Control",
		text: "Given a response with a token, then Cache-Control says no-store, unless the handler said private or no-store; given one without, then it is the handler's.",
		run:  cacheControl,
	},
	{
		name: "last value",
		text: "Given a handler that saves, changes its mind and answers, when the response leaves, then there is one Set-Cookie and the last value is stored.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				e.ok(count.Set(s, 1), "Set")
				e.ok(s.Save(c.Context()), "Save")
				e.ok(count.Set(s, 2), "Set")
				return c.String(200, "done")
			}).browser()
			b.get("/").is(200, "done").setsCookie()
			e.calls("Create", 1, "Update", 1)
			b.has(2)
		},
	},
	{
		name: "a token in a header",
		text: "Given Config.TokenHeader, when a handler writes to the session, then the token comes and goes in that header, Vary names it, and no cookie is set or read.",
		run:  tokenHeader,
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
	}).seeded("")
	for _, test := range []struct{ write, handler, want string }{
		{"1", "", "no-store"}, {"1", "public, max-age=60", "no-store"},
		{"1", "private, max-age=60", "private, max-age=60"}, {"1", "no-store, must-revalidate", "no-store, must-revalidate"},
		{"", "", ""}, {"", "public, max-age=60", "public, max-age=60"},
	} {
		b.get("/", "X-Write", test.write, "X-Control", test.handler).is(200, "done").has("Cache-Control", test.want)
	}
}

func tokenHeader(e *env) {
	e.cfg.TokenHeader = "X-Session-Token"
	b := e.page(Options{}, visit(e)).browser()
	r := b.get("/").is(200, "visit 1").leavesCookie().hasMember("Vary", "X-Session-Token").hasMember("Cache-Control", "no-store")
	token := r.Header.Get("X-Session-Token")
	if token == "" {
		r.errorf("no token in the header")
	}
	b.get("/", "X-Session-Token", token).is(200, "visit 2")
	b.get("/", "Cookie", "__Host-session="+token).is(200, "visit 1")
}

func noSession(e *env, o Options) {
	b := e.page(o, func(c Ctx) error {
		s, err := c.Session()
		e.is(err, core.ErrNoSession, "Session")
		_, err = core.FromContext(c.Context())
		e.is(err, core.ErrNoSession, "FromContext")
		if s == nil {
			e.Errorf("the session is nil")
			return c.String(200, "done")
		}
		e.is(count.Set(s, 1), core.ErrNoSession, "Set")
		_, err = count.Get(s)
		e.is(err, core.ErrNoSession, "Get")
		e.is(s.Login("alice"), core.ErrNoSession, "Login")
		_ = s.Keys()
		return c.String(200, "done")
	}).seeded("")
	r := b.get("/").is(200, "done").leavesCookie()
	if core.HasMember(r.Header["Vary"], "Cookie") {
		r.errorf("Vary %q", r.Header["Vary"])
	}
	e.calls()
}
