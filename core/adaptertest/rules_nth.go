package adaptertest

import (
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about the one call in the middle of a request that fails.

// act is what a request does to its session.
type act struct {
	name  string
	fresh bool // of a new client
	do    func(s *core.Session, c Ctx)

	// survives is the first call whose failure the client does not notice, as it is made again, or the page
	// can do without it; 0: there is none. done is what the client has then.
	survives int
	done     func(b *browser)

	// told is the call of whose failure the handler is told: where it answers with an error of its own, that stands.
	told int
}

var acts = []act{
	{"first write", true, func(s *core.Session, _ Ctx) { _ = count.Set(s, 5) }, 1, holds(5), 0},
	{"read", false, func(s *core.Session, _ Ctx) { _ = s.Keys() }, 2, holds(1), 0}, // and touch
	{"write", false, func(s *core.Session, _ Ctx) { _ = count.Set(s, 5) }, 0, nil, 0},
	{"login", false, func(s *core.Session, _ Ctx) { _ = s.Login("bob") }, 2, holds(0), 0},
	{"logout", false, func(s *core.Session, _ Ctx) { _ = s.Logout() }, 2, (*browser).anonymous, 0},
	{"add flash", false, func(s *core.Session, _ Ctx) { _ = s.AddFlash("info", "new") }, 0, nil, 0},
	{"flashes", false, func(s *core.Session, c Ctx) { _, _ = s.Flashes(c.Context()) }, 3, holds(1), 2},
	{"save", false, func(s *core.Session, c Ctx) { _ = count.Set(s, 5); _ = s.Save(c.Context()) }, 2, holds(5), 2},
}

func holds(n int) func(*browser) { return func(b *browser) { b.has(n) } }

var nthRules = func() (list []rule) {
	for _, z := range compressions {
		list = append(list, rule{
			name:  named("the Nth call fails", z),
			text:  "Given a request that reads, writes, signs in, signs out, and answers in whatever way, when its Nth call to the store fails, for every N, then the client gets a 503 and nothing of the handler's, or the error of a handler that was told, and the old state stands; or the call is made again or the page does without it, and the response is true; the next request is fine.",
			needs: []need{records},
			run:   func(e *env) { nthFails(e, z.options) },
		})
	}
	return list
}()

func nthFails(e *env, o Options) {
	e.cfg.TouchInterval = time.Microsecond
	s := e.page(o, func(c Ctx) error {
		s, err := c.Session()
		if err != nil {
			c.SetHeader("Retry-After", core.RetryAfter(core.ErrUnavailable))
			c.SetHeader("Cache-Control", "no-store")
			return c.String(core.HTTPStatus(err), "told")
		}
		for _, a := range acts {
			if a.name == c.Header("X-Do") {
				a.do(s, c)
			}
		}
		return answered(c.Header("X-Answer")).send(e, c)
	})
	for _, act := range acts {
		for _, answer := range answers {
			s.nth(act, answer)
		}
	}
}

// nth sends a request again and again, each time with another call failing.
func (s *site) nth(act act, answer answer) {
	for n := 1; n < 10; n++ {
		s.fault.Reset()
		b := s.browser()
		if !act.fresh {
			b = s.seeded("alice", func(s *core.Session) { _ = s.AddFlash("info", "x") })
		}
		time.Sleep(5 * time.Microsecond) // so that a touch is due
		before := 0
		if act.fresh {
			before = s.live()
		}
		s.fault.Reset()
		var failed atomic.Bool
		s.fault.Before(func(c storetest.Call) error {
			if c.N != n {
				return nil
			}
			failed.Store(true)
			return outage(c)
		})
		r := b.get("/", "X-Do", act.name, "X-Answer", answer.name)
		if !failed.Load() {
			answer.arrived(r)
			return
		}
		s.fault.Reset()
		if n == act.told && answer.status >= 400 {
			answer.arrived(r.leavesCookie())
			s.unchanged(act, b, before)
		} else if act.survives > 0 && n >= act.survives {
			answer.arrived(r)
			act.done(b)
		} else {
			r.refused()
			s.unchanged(act, b, before)
		}
		b.get("/", "X-Do", "write", "X-Answer", "no content").status(204)
		b.has(5)
	}
	s.Errorf("%s, %s: no end of calls", act.name, answer.name)
}

// unchanged checks that a request that failed has left nothing behind.
func (s *site) unchanged(act act, b *browser, before int) {
	s.Helper()
	if !act.fresh {
		b.has(1)
	} else if after := s.live(); after != before {
		s.Errorf("%s failed: %d sessions, there were %d", act.name, after, before)
	}
}
