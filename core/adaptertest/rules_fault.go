package adaptertest

import (
	"strings"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about a store that does not answer. A client must never be told of a success that
// did not happen, nor be made anonymous.

var outage = storetest.Outage

var loadRules = []rule{
	{
		name:  "load fails",
		text:  "Given a store that does not answer, when a handler asks for its session, then it is told, the session is not nil, and the response leaves the cookie alone.",
		needs: []need{records},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s, err := c.Session()
				e.is(err, core.ErrUnavailable, "Session")
				if s == nil {
					e.Errorf("the session is nil")
				}
				e.is(count.Set(s, 2), core.ErrUnavailable, "Set")
				return c.String(503, "told")
			}).seeded("")
			e.fault.Before(outage)
			b.get("/").is(503, "told").leavesCookie()
			e.fault.Reset()
			b.has(1)
		},
	},
	{
		name:  "load fails before Handle",
		text:  "Given a store that does not answer, when a handler is made by Handle, then it does not run, and the client gets a 503 to try again after.",
		needs: []need{records},
		run: func(e *env) {
			var ran atomic.Int32
			b := e.page(Options{Handle: true}, func(c Ctx) error {
				ran.Add(1)
				return visit(e)(c)
			}).seeded("")
			e.fault.Before(outage)
			b.get("/").refused()
			if ran.Load() > 0 {
				e.Errorf("the handler ran")
			}
			e.fault.Reset()
			b.get("/").is(200, "visit 2")
		},
	},
	{
		name:  "handler goes on in spite of an outage",
		text:  "Given a session that could not be loaded, when the handler writes to it all the same and reports success, then the client gets a 503.",
		needs: []need{records},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s, _ := c.Session()
				_ = count.Set(s, 2)
				return c.String(200, text)
			}).seeded("")
			e.fault.Before(outage)
			b.get("/").refused()
		},
	},
	{
		name: "a value that cannot be encoded",
		text: "Given a handler that sets a value which cannot be encoded and ignores the error, then the client gets a 500 with nothing of the handler's, and nothing is stored.",
		run: func(e *env) {
			const channel core.Key[chan int] = "channel"
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(count.Set(e.session(c), 2), "Set")
				_ = channel.Set(e.session(c), nil)
				_ = channel.Set(e.session(c), make(chan int))
				c.SetHeader("Etag", secret)
				return c.String(200, text)
			}).seeded("")
			r := b.get("/").status(500).leavesCookie()
			if r.body == text || r.Header.Get("Etag") != "" {
				r.errorf("the handler's response: %v", r.Header)
			}
			b.has(1)
		},
	},
}

// errorRules: the application's own answer.
var errorRules = []rule{
	{
		name:  "error handler and an ended session",
		text:  "Given the adapter's option for an error handler, when a change meets the end of its session, then the handler gets ErrEnded and can redirect to a page to sign in: nothing of the first response is in it, nor a cookie.",
		needs: []need{records},
		run:   errorHandler,
	},
}

func errorHandler(e *env) {
	var q *square
	answer := func(c Ctx, err error) error {
		e.is(err, core.ErrEnded, "the error handler's error")
		if s, err := c.Session(); err == nil {
			e.is(count.Set(s, 5), core.ErrClosed, "Set in the error handler")
		}
		return c.Redirect(303, "/login")
	}
	q = &square{env: e, arrived: make(chan bool), goOn: make(chan bool)}
	q.here = e.serve(Options{Error: answer}, routes{"/": func(c Ctx) error {
		c.SetHeader("Etag", secret)
		return q.serve(q.here.m, c)
	}})
	q.there = e.twin(Options{}, routes{"/": func(c Ctx) error { return q.serve(q.there.m, c) }})
	for _, m := range []meeting{
		meet("alice", "set|", "logout", "", "", nothing), meet("alice", "|set", "operator", "", "", nothing),
		meet("alice", "set", "login bob", "", "", nothing).comesLate(), meet("alice", "|set, save", "login alice", "", "", nothing),
	} {
		b := q.begin(m)
		r := q.happens(m, b.copyOf(), b.on(q.there))
		if r == nil {
			return
		}
		r.sent = m.String()
		r.status(303).leavesCookie().has("Location", "/login").has("Etag", "").hasMember("Cache-Control", "no-store")
		if strings.Contains(r.body, secret) {
			r.errorf("the handler's body: %.80q", r.body)
		}
	}
}

// refusedRules: every kind of answer, with and without compression, of a handler whose session
// cannot be stored.
var refusedRules = func() (list []rule) {
	for _, z := range compressions {
		for _, a := range answers {
			list = append(list, rule{
				name:  named("store refuses "+a.name, z),
				text:  "Given a store that does not answer, when a handler writes to the session and answers in whatever way, then the client gets a readable 503 with nothing of the handler's, and the next request is as if nothing had happened.",
				needs: []need{records},
				run:   func(e *env) { refuse(e, a, z.options) },
			})
		}
	}
	return list
}()

func refuse(e *env, a answer, o Options) {
	s := e.page(o, func(c Ctx) error {
		e.ok(count.Set(e.session(c), 1), "Set")
		if c.Header("X-Mark") != "" {
			for _, name := range []string{"Etag", "Last-Modified", "X-Mark"} {
				c.SetHeader(name, secret)
			}
			c.SetHeader("Cache-Control", "public, max-age=60")
			c.AddHeader("Set-Cookie", "own="+secret)
		}
		return a.send(e, c)
	})
	e.fault.Before(storetest.On("Create"))
	b := s.browser()
	b.get("/", "X-Mark", "1").refused()
	if s.live() != 0 || len(b.cookies) != 0 {
		e.Errorf("%d sessions, cookies %q", s.live(), b.cookies)
	}
	e.fault.Reset()
	for range 3 { // pooled objects must not be poisoned
		b := s.browser()
		r := b.get("/").setsCookie()
		a.arrived(r)
		r.has("Etag", "").has("Retry-After", "")
	}
}
