package adaptertest

import (
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// Rules about one failing call to the store in the middle of a request.

// requestKind is one thing that a request does to its session, and what happens when a call to the store fails.
type requestKind struct {
	name  string
	fresh bool // the client has no session before
	do    func(s *core.Session, c Ctx)

	// survives is the first call whose failure the client does not notice: the call is made again, or the page can
	// do without it. 0: there is none. after checks what the client has then.
	survives int
	after    func(b *browser)

	// toldAt is the call whose failure the handler gets as an error. If it answers with a status of 400 or more, the
	// client gets that answer. 0: there is none.
	toldAt int
}

var requestKinds = []requestKind{
	{"first write", true, func(s *core.Session, _ Ctx) { _ = count.Set(s, 5) }, 1, wantCountFunc(5), 0},
	{"read", false, func(s *core.Session, _ Ctx) { _ = s.Keys() }, 2, wantCountFunc(1), 0}, // and a Touch
	{"write", false, func(s *core.Session, _ Ctx) { _ = count.Set(s, 5) }, 0, nil, 0},
	{"login", false, func(s *core.Session, _ Ctx) { _ = s.Login("bob") }, 2, wantCountFunc(0), 0},
	{"logout", false, func(s *core.Session, _ Ctx) { _ = s.Logout() }, 2, (*browser).wantAnonymous, 0},
	{"add flash", false, func(s *core.Session, _ Ctx) { _ = s.AddFlash("info", "new") }, 0, nil, 0},
	{"flashes", false, func(s *core.Session, c Ctx) { _, _ = s.Flashes(c.Context()) }, 3, wantCountFunc(1), 2},
	{"save", false, func(s *core.Session, c Ctx) { _ = count.Set(s, 5); _ = s.Save(c.Context()) }, 2, wantCountFunc(5), 2},
}

func wantCountFunc(n int) func(*browser) { return func(b *browser) { b.wantCount(n) } }

var nthCallRules = func() (list []rule) {
	for _, z := range compressions {
		list = append(list, rule{
			name:  withCompression("the Nth call fails", z),
			text:  "Given a request that reads, writes, signs in or signs out, and answers in any way, when its Nth call to the store fails, for every N, then one of three things happens. The client gets a 503 with nothing from the handler, and the old state stays. Or the handler got the error and answered it, and the old state stays. Or the call is made again, or is not needed, and the response is true. The next request works.",
			needs: []need{needRecords},
			run:   func(e *env) { nthCallFails(e, z.options) },
		})
	}
	return list
}()

func nthCallFails(e *env, o Options) {
	e.cfg.TouchInterval = time.Microsecond
	s := e.page(o, func(c Ctx) error {
		s, err := c.Session()
		if err != nil {
			c.SetHeader("Retry-After", core.RetryAfter(core.ErrUnavailable))
			c.SetHeader("Cache-Control", "no-store")
			return c.String(core.HTTPStatus(err), "told")
		}
		for _, a := range requestKinds {
			if a.name == c.Header("X-Do") {
				a.do(s, c)
			}
		}
		return answerNamed(c.Header("X-Answer")).send(e, c)
	})
	for _, act := range requestKinds {
		for _, answer := range answers {
			s.failEachCall(act, answer)
		}
	}
}

// failEachCall sends a request again and again. Each time another call fails.
func (s *site) failEachCall(act requestKind, answer answer) {
	for n := 1; n < 10; n++ {
		s.fault.Reset()
		b := s.browser()
		if !act.fresh {
			b = s.withSession("alice", func(s *core.Session) { _ = s.AddFlash("info", "x") })
		}
		time.Sleep(5 * time.Microsecond) // so that a Touch is due
		before := 0
		if act.fresh {
			before = s.sessions()
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
			answer.wantWhole(r)
			return
		}
		s.fault.Reset()
		if n == act.toldAt && answer.status >= 400 {
			answer.wantWhole(r.leavesCookie())
			s.checkUnchanged(act, b, before)
		} else if act.survives > 0 && n >= act.survives {
			answer.wantWhole(r)
			act.after(b)
		} else {
			r.refused()
			s.checkUnchanged(act, b, before)
		}
		b.get("/", "X-Do", "write", "X-Answer", "no content").status(204)
		b.wantCount(5)
	}
	s.Errorf("%s, %s: more than 9 calls", act.name, answer.name)
}

// checkUnchanged checks that a failed request has stored nothing.
func (s *site) checkUnchanged(act requestKind, b *browser, before int) {
	s.Helper()
	if !act.fresh {
		b.wantCount(1)
	} else if after := s.sessions(); after != before {
		s.Errorf("%s failed: %d sessions, there were %d", act.name, after, before)
	}
}
