package adaptertest

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about requests of one session that overlap, on two servers with one storage.

// overlapping is the number of requests at once; readers is the number that ask for the same flash message.
const (
	overlapping = 64
	readers     = 32
)

var overlapRules = []rule{
	{
		name:  "overlapping writes",
		text:  "Given 64 requests of one session at the same time, when each sets a key of its own and adds one to a counter, then 64 keys are there, and the counter says 64.",
		needs: []need{needRecords},
		run: func(e *env) {
			h := func(c Ctx) error {
				s := e.session(c)
				time.Sleep(5 * time.Millisecond)
				e.ok(core.Key[int]("key"+c.Header("X-N")).Set(s, 1), "Set")
				e.ok(count.Update(s, func(n int) int { return n + 1 }), "Update")
				return c.NoContent(204)
			}
			b := e.atBothServers(h, func(b *browser, i int) {
				r, err := b.try("GET", "/", "X-N", itoa(i))
				if err != nil || r.StatusCode != 204 {
					e.Errorf("request %d: %v, %v", i, r, err)
				}
			}, overlapping)
			b.wantCount(1 + overlapping)
			b.peek(func(s *core.Session) {
				if n := s.Len(); n != 1+overlapping {
					e.Errorf("%d keys, want %d", n, 1+overlapping)
				}
			})
		},
	},
	{
		name:  "overlapping rotations",
		text:  "Given requests of one session at the same time that all rotate it, then one of them gets the new token, the others get none, and there is one session.",
		needs: []need{needRecords},
		run: func(e *env) {
			var cookies atomic.Int32
			arrived := make(chan bool, readers)
			h := func(c Ctx) error {
				s := e.session(c)
				arrived <- true
				for len(arrived) < readers {
					time.Sleep(time.Millisecond)
				}
				e.ok(s.RotateID(), "RotateID")
				return c.NoContent(204)
			}
			b := e.atBothServers(h, func(b *browser, i int) {
				r, err := b.try("GET", "/")
				if err != nil || r.StatusCode != 204 {
					e.Errorf("request %d: %v, %v", i, r, err)
				} else if len(r.sessionCookies()) > 0 {
					cookies.Add(1)
				}
			}, readers)
			if n := cookies.Load(); n != 1 {
				e.Errorf("%d responses with a token, want 1", n)
			}
			if n := b.sessions(); n != 1 {
				e.Errorf("%d sessions, want 1", n)
			}
		},
	},
}

// atBothServers makes one session and sends n requests with its cookie at the same time, in turn to two servers. It
// returns a browser with that cookie.
func (e *env) atBothServers(h Handler, send func(b *browser, i int), n int, seed ...func(*core.Session)) *browser {
	e.Helper()
	sites := []*site{e.page(Options{}, h), e.serveSecond(Options{}, routes{"/": h})}
	b := sites[0].withSession("alice", seed...)
	var wg sync.WaitGroup
	for i := range n {
		twin := b.on(sites[i%2])
		wg.Go(func() { send(twin, i) })
	}
	wg.Wait()
	return b
}
