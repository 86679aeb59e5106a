package adaptertest

import (
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about a time limit outside of the middleware, which answers for a handler that is too slow.

var timeLimitRules = []rule{
	{
		name:  "time limit kept",
		text:  "Given a time limit outside, when the handler is fast, then its session is stored and the cookie sent.",
		needs: []need{needTimeLimits},
		run: func(e *env) {
			b := e.page(Options{TimeLimit: 10 * time.Second}, countVisits(e)).browser()
			b.get("/").is(200, "visit 1").setsCookie()
			b.wantCount(1)
		},
	},
	{
		name:  "time limit passed",
		text:  "Given a time limit outside that has answered 503, when the handler goes on and writes to the session, then nothing is stored.",
		needs: []need{needTimeLimits},
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

// timeLimitPassed returns false if the limit had passed before the store answered. On a busy machine that happens.
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
	}).withSession("")
	answer := b.get("/")
	s := <-ended
	if s == nil {
		return false
	}
	answer.status(503).leavesCookie()
	e.eventually("the session closes", func() bool { return errors.Is(s.Err(), core.ErrClosed) })
	e.wantCalls("Load", 1)
	b.wantCount(1)
	return true
}
