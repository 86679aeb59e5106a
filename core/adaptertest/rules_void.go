package adaptertest

import (
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about responses that store nothing: they report a failure to the client, so what the
// handler did has not happened.

var voidRules = []rule{
	void("status 500", "a response of status 500", 500, Options{},
		func(c Ctx) error { return c.String(500, "sorry") }),
	void("status 408", "a response of status 408", 408, Options{},
		func(c Ctx) error { return c.String(408, "too slow") }),
	void("framework error 503", "a framework error of status 503", 503, Options{},
		func(c Ctx) error { return c.Fail(503) }),
	void("plain error", "an error that is none of the framework's", 500, Options{},
		func(Ctx) error { return errors.New("broken") }),
	void("plain error, gzip outside", "an error that is none of the framework's", 500, Options{GzipOutside: true},
		func(Ctx) error { return errors.New("broken") }),
	void("panic, recovered outside", "a panic", 500, Options{RecoverOutside: true},
		func(Ctx) error { panic("broken") }),
	void("panic, recovered inside", "a panic", 500, Options{RecoverInside: true},
		func(Ctx) error { panic("broken") }),
	{
		name: "session after a panic",
		text: "Given a handler that panics, when a goroutine of it uses the session afterwards, then it gets ErrClosed, and nothing is stored.",
		run: func(e *env) {
			leaked := make(chan *core.Session, 1)
			b := e.page(Options{RecoverOutside: true}, func(c Ctx) error {
				leaked <- e.session(c)
				panic("broken")
			}).seeded("")
			b.get("/").status(500)
			s := <-leaked
			e.is(count.Set(s, 9), core.ErrClosed, "Set")
			b.has(1)
		},
	},
}

// void is a rule about a handler that writes to the session or ends it, and then fails.
func void(name, what string, status int, o Options, fail func(Ctx) error) rule {
	return rule{
		name: "nothing saved: " + name,
		text: "Given a client with a session, when a handler writes to it or signs in, and the end is " + what + ", then nothing is stored, and the cookie stays as it is; when it signs out, the session is over and the cookie goes.",
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
			}).seeded("alice")
			for _, do := range []string{"set", "login"} {
				b.get("/", "X-Do", do).status(status).leavesCookie()
			}
			e.calls("Load", 2)
			b.get("/").is(200, "count 1")
			for _, do := range []string{"logout", "logout, set"} {
				b := b.seeded("alice")
				stolen := b.copyOf()
				b.get("/", "X-Do", do).status(status).deletesCookie()
				stolen.anonymous()
			}
			fresh := b.site.browser()
			fresh.get("/", "X-Do", "set").status(status).leavesCookie()
			if len(fresh.cookies) > 0 {
				e.Errorf("cookies %q", fresh.cookies)
			}
		},
	}
}

var timeRules = []rule{
	{
		name:  "time limit kept",
		text:  "Given a time limit outside, when the handler is fast, then its session is stored and the cookie sent.",
		needs: []need{timeLimits},
		run: func(e *env) {
			b := e.page(Options{TimeLimit: 10 * time.Second}, visit(e)).browser()
			b.get("/").is(200, "visit 1").setsCookie()
			b.has(1)
		},
	},
	{
		name:  "time limit passed",
		text:  "Given a time limit outside that has answered 503, when the handler goes on and writes to the session, then nothing is stored.",
		needs: []need{timeLimits},
		run: func(e *env) {
			limit := 30 * time.Millisecond
			for !timeLimitPassed(e, limit) && !e.Failed() {
				if limit *= 4; limit > 10*time.Second {
					e.Fatalf("no session in %v", limit/4)
				}
			}
		},
	},
}

// timeLimitPassed returns false where the limit was over before the store had answered: on a busy machine, that
// takes longer now and then.
func timeLimitPassed(e *env, limit time.Duration) bool {
	ended := make(chan *core.Session, 1)
	b := e.page(Options{TimeLimit: limit}, func(c Ctx) error {
		s, err := c.Session()
		if err != nil {
			ended <- nil
			return err
		}
		<-c.Context().Done()
		e.ok(count.Set(s, 2), "Set")
		ended <- s
		return c.String(200, "late")
	}).seeded("")
	answer := b.get("/")
	s := <-ended
	if s == nil {
		return false
	}
	answer.status(503).leavesCookie()
	e.eventually("the session closes", func() bool { return errors.Is(s.Err(), core.ErrClosed) })
	e.calls("Load", 1)
	b.has(1)
	return true
}
