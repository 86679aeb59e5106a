package adaptertest

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about a store that does not answer. The client must never see a success that did not happen, and it must never
// become anonymous.

var outage = storetest.Outage

var loadRules = []rule{
	{
		name:  "an error of core is returned",
		text:  "Given a handler that returns an error of core as it is, wrapped or not, then the client gets its status with Retry-After, none of the error's text, and no cookie.",
		needs: []need{needErrors},
		run: func(e *env) {
			var returned error
			b := e.page(Options{}, func(c Ctx) error {
				e.session(c)
				return returned
			}).withSession("")
			returned = fmt.Errorf("list the devices: %w", driver.Unavailable("secret", errors.New("10.0.0.7 does not answer")))
			b.get("/").refused()
			returned = core.ErrEnded
			b.get("/").ended()
			b.wantCount(1)
		},
	},
	{
		name:  "load fails",
		text:  "Given a store that does not answer, when a handler asks for its session, then it gets an error and a session that is not nil, and the response does not touch the cookie.",
		needs: []need{needRecords},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s, err := c.Session()
				e.wantError(err, core.ErrUnavailable, "Session")
				if s == nil {
					e.Errorf("the session is nil")
				}
				e.wantError(count.Set(s, 2), core.ErrUnavailable, "Set")
				return c.String(503, "told")
			}).withSession("")
			e.fault.Before(outage)
			b.get("/").is(503, "told").leavesCookie()
			e.fault.Reset()
			b.wantCount(1)
		},
	},
	{
		name:  "load fails before Handle",
		text:  "Given a store that does not answer, when a handler is made by Handle, then it does not run, and the client gets a 503 with Retry-After.",
		needs: []need{needRecords},
		run: func(e *env) {
			var ran atomic.Int32
			b := e.page(Options{Handle: true}, func(c Ctx) error {
				ran.Add(1)
				return countVisits(e)(c)
			}).withSession("")
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
		text:  "Given a session that could not be loaded, when the handler ignores that, writes to it and reports success, then the client gets a 503.",
		needs: []need{needRecords},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s, _ := c.Session()
				_ = count.Set(s, 2)
				return c.String(200, longBody)
			}).withSession("")
			e.fault.Before(outage)
			b.get("/").refused()
		},
	},
	{
		name: "a value that cannot be encoded",
		text: "Given a handler that sets a value which cannot be encoded and ignores the error, then the client gets a 500 with nothing from the handler, and nothing is stored.",
		run: func(e *env) {
			const channel core.Key[chan int] = "channel"
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(count.Set(e.session(c), 2), "Set")
				_ = channel.Set(e.session(c), nil)
				_ = channel.Set(e.session(c), make(chan int))
				c.SetHeader("Etag", secret)
				return c.String(200, longBody)
			}).withSession("")
			r := b.get("/").status(500).leavesCookie()
			if r.body == longBody || r.Header.Get("Etag") != "" {
				r.errorf("the handler's response: %v", r.Header)
			}
			b.wantCount(1)
		},
	},
}

// errorRules are about the application's own answer to a failed save.
var errorRules = []rule{
	{
		name:  "error handler and an ended session",
		text:  "Given the adapter's option for an error handler, when a change meets the end of its session, then the error handler gets ErrEnded and can redirect to the page for signing in; nothing of the first response is in its response, and no cookie.",
		needs: []need{needRecords},
		run:   errorHandler,
	},
}

func errorHandler(e *env) {
	var two *twoServers
	answer := func(c Ctx, err error) error {
		e.wantError(err, core.ErrEnded, "the error handler's error")
		if s, err := c.Session(); err == nil {
			e.wantError(count.Set(s, 5), core.ErrClosed, "Set in the error handler")
		}
		return c.Redirect(303, "/login")
	}
	two = &twoServers{env: e, arrived: make(chan bool), goOn: make(chan bool)}
	two.here = e.serve(Options{Error: answer}, routes{"/": func(c Ctx) error {
		c.SetHeader("Etag", secret)
		return two.serve(two.here.m, c)
	}})
	two.there = e.serveSecond(Options{}, routes{"/": func(c Ctx) error { return two.serve(two.there.m, c) }})
	for _, m := range []meeting{
		meet("alice", "set|", "logout", "", "", noSession), meet("alice", "|set", "operator", "", "", noSession),
		meet("alice", "set", "login bob", "", "", noSession).comesLate(), meet("alice", "|set, save", "login alice", "", "", noSession),
	} {
		b := two.newBrowser(m)
		r := two.sendAll(m, b.copyOf(), b.on(two.there))
		if r == nil {
			return
		}
		r.sent = m.String()
		r.status(303).leavesCookie().wantHeader("Location", "/login").wantHeader("Etag", "").hasMember("Cache-Control", "no-store")
		if strings.Contains(r.body, secret) {
			r.errorf("the handler's body: %.80q", r.body)
		}
	}
}

// refusedRules has every answer, with and without compression, of a handler whose session cannot be stored.
var refusedRules = func() (list []rule) {
	for _, z := range compressions {
		for _, a := range answers {
			list = append(list, rule{
				name:  withCompression("store refuses "+a.name, z),
				text:  "Given a store that does not answer, when a handler writes to the session and answers in any way, then the client gets a readable 503 with nothing from the handler, and the next request works as if nothing had happened.",
				needs: []need{needRecords},
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
	if s.sessions() != 0 || len(b.cookies) != 0 {
		e.Errorf("%d sessions, cookies %q", s.sessions(), b.cookies)
	}
	e.fault.Reset()
	for range 3 { // a framework's pooled objects must not keep anything of the failure
		b := s.browser()
		r := b.get("/").setsCookie()
		a.wantWhole(r)
		r.wantHeader("Etag", "").wantHeader("Retry-After", "")
	}
}
