package adaptertest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about sessions that are changed outside of their requests.

var outsideRules = []rule{
	{
		name:  "Change beside requests",
		text:  "Given requests of one session, and calls of Manager.Change on another server at the same time, when each adds one to a counter, then none is lost.",
		needs: []need{needRecords},
		run: func(e *env) {
			const n = 16
			h := func(c Ctx) error {
				e.ok(count.Update(e.session(c), func(n int) int { return n + 1 }), "Update")
				return c.NoContent(204)
			}
			b := e.page(Options{}, h).withSession("alice")
			id := b.id()
			there := e.serveSecond(Options{None: true}, nil)
			var all sync.WaitGroup
			for range n {
				all.Go(func() { b.copyOf().get("/").is(204, "") })
				all.Go(func() {
					e.ok(there.m.Change(context.Background(), id, func(s *core.Session) error {
						return count.Update(s, func(n int) int { return n + 1 })
					}), "Change")
				})
			}
			all.Wait()
			b.wantCount(1 + 2*n)
		},
	},
	{
		name:  "Change of a session under way",
		text:  "Given a request that has loaded its session and has not answered, when Manager.Change sets a value, then the request's change and that one are both stored.",
		needs: []need{needRecords},
		run: func(e *env) {
			loaded, goOn := make(chan bool), make(chan bool)
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				loaded <- true
				<-goOn
				e.ok(count.Set(s, 5), "Set")
				return c.NoContent(204)
			}).withSession("alice")
			done := make(chan bool)
			go func() { defer close(done); b.copyOf().get("/").is(204, "") }()
			<-loaded
			e.ok(b.m.Change(context.Background(), b.id(), func(s *core.Session) error { return note.Set(s, "from outside") }), "Change")
			close(goOn)
			<-done
			b.wantCount(5)
			b.peek(func(s *core.Session) {
				if text, _ := note.Get(s); text != "from outside" {
					e.Errorf("the value that Change has set is %q", text)
				}
			})
		},
	},
	{
		name:  "Change of an ended session",
		text:  "Given a session that a request ends, before Manager.Change or while that is under way, then Change returns ErrEnded, and nothing comes back.",
		needs: []need{needRecords},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(e.session(c).Logout(), "Logout")
				return c.NoContent(204)
			}).withSession("alice")
			old, id := b.copyOf(), b.id()
			set := func(s *core.Session) error { return count.Set(s, 9) }
			e.wantError(b.m.Change(context.Background(), id, func(s *core.Session) error {
				b.get("/").status(204).deletesCookie()
				return set(s)
			}), core.ErrEnded, "Change while a request ends the session")
			e.wantError(b.m.Change(context.Background(), id, set), core.ErrEnded, "Change of an ended session")
			_, err := b.m.Session(context.Background(), id)
			e.wantError(err, core.ErrEnded, "Session of an ended session")
			old.wantAnonymous()
		},
	},
	{
		name:  "ChangeSubject beside sign-ins",
		text:  "Given a user who signs in again and again in one browser, when Manager.ChangeSubject gives all the user's sessions a value, then the browser's session has it afterwards.",
		needs: []need{needRecords},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(e.session(c).Login("alice"), "Login")
				return c.NoContent(204)
			}).withSession("alice")
			stop, stopped := make(chan bool), make(chan bool)
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					case <-time.After(5 * time.Millisecond):
						b.get("/").is(204, "")
					}
				}
			}()
			time.Sleep(20 * time.Millisecond)
			_, err := e.serveSecond(Options{None: true}, nil).m.ChangeSubject(context.Background(), "alice", func(s *core.Session) error { return note.Set(s, "editor") })
			close(stop)
			<-stopped
			switch {
			case errors.Is(err, core.ErrConflict), errors.Is(err, core.ErrIncomplete), errors.Is(err, errors.ErrUnsupported):
				return // it says that it is not sure, or that it cannot
			case err != nil:
				e.Fatal(err)
			}
			b.peek(func(s *core.Session) {
				if text, _ := note.Get(s); text != "editor" {
					e.Errorf("the session has %q", text)
				}
			})
		},
	},
}

// id returns the ID of the browser's session.
func (b *browser) id() (id core.ID) {
	b.Helper()
	b.peek(func(s *core.Session) { id = s.ID() })
	return id
}
