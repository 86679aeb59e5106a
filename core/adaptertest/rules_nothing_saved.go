package adaptertest

import (
	"errors"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about responses that store nothing. They report a failure to the client, so no change of the handler may be
// stored.

var nothingSavedRules = []rule{
	nothingSaved("status 500", "a response of status 500", 500, Options{},
		func(c Ctx) error { return c.String(500, "sorry") }),
	nothingSaved("status 408", "a response of status 408", 408, Options{},
		func(c Ctx) error { return c.String(408, "too slow") }),
	nothingSaved("framework error 503", "a framework error of status 503", 503, Options{},
		func(c Ctx) error { return c.Fail(503) }),
	nothingSaved("plain error", "an error that is none of the framework's", 500, Options{},
		func(Ctx) error { return errors.New("broken") }),
	nothingSaved("plain error, gzip outside", "an error that is none of the framework's", 500, Options{GzipOutside: true},
		func(Ctx) error { return errors.New("broken") }),
	nothingSaved("panic, recovered outside", "a panic", 500, Options{RecoverOutside: true},
		func(Ctx) error { panic("broken") }),
	nothingSaved("panic, recovered inside", "a panic", 500, Options{RecoverInside: true},
		func(Ctx) error { panic("broken") }),
	{
		name: "session after a panic",
		text: "Given a handler that panics, when one of its goroutines uses the session afterwards, then it gets ErrClosed, and nothing is stored.",
		run: func(e *env) {
			leaked := make(chan *core.Session, 1)
			b := e.page(Options{RecoverOutside: true}, func(c Ctx) error {
				leaked <- e.session(c)
				panic("broken")
			}).withSession("")
			b.get("/").status(500)
			s := <-leaked
			e.wantError(count.Set(s, 9), core.ErrClosed, "Set")
			b.wantCount(1)
		},
	},
}

// nothingSaved makes a rule about a handler that writes to the session or ends it, and then fails.
func nothingSaved(name, what string, status int, o Options, fail func(Ctx) error) rule {
	return rule{
		name: "nothing saved: " + name,
		text: "Given a client with a session, when a handler writes to it or signs in, and the response is " + what + ", then nothing is stored, and the cookie stays as it is; when it signs out, the session ends and the cookie is deleted.",
		run: func(e *env) {
			b := e.page(o, func(c Ctx) error {
				s := e.session(c)
				switch c.Header("X-Do") {
				case "set":
					e.ok(count.Set(s, 2), "Set")
				case "login":
					e.ok(s.Login("bob"), "Login")
				case "logout":
					e.ok(count.Set(s, 2), "Set")
					e.ok(s.Logout(), "Logout")
				case "logout, set":
					e.ok(s.Logout(), "Logout")
					e.ok(count.Set(s, 2), "Set")
				default:
					return c.String(200, "count "+itoa(count.GetOr(s, -1)))
				}
				return fail(c)
			}).withSession("alice")
			for _, do := range []string{"set", "login"} {
				b.get("/", "X-Do", do).status(status).leavesCookie()
			}
			e.wantCalls("Load", 2)
			b.get("/").is(200, "count 1")
			for _, do := range []string{"logout", "logout, set"} {
				b := b.withSession("alice")
				stolen := b.copyOf()
				b.get("/", "X-Do", do).status(status).deletesCookie()
				stolen.wantAnonymous()
			}
			fresh := b.site.browser()
			fresh.get("/", "X-Do", "set").status(status).leavesCookie()
			if len(fresh.cookies) > 0 {
				e.Errorf("cookies %q", fresh.cookies)
			}
		},
	}
}
