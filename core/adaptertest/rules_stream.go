package adaptertest

import (
	"context"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about responses that go on after their header has left.

var streamRules = []rule{
	{
		name: "flush first",
		text: "Given a handler that writes to the session and flushes before its first byte, when the header leaves, then the cookie is in it.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				e.ok(count.Set(e.session(c), 1), "Set")
				return c.Stream(func(send func(string) error) {
					e.ok(send(""), "flush")
					e.ok(send("done"), "send")
				})
			}).browser()
			b.get("/").is(200, "done").setsCookie()
			b.wantCount(1)
		},
	},
	{
		name: "change after the header",
		text: "Given a stored session, when a stream changes it after its first chunk, then that is stored, since it needs no cookie.",
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				return c.Stream(func(send func(string) error) {
					_ = send("one")
					e.ok(count.Set(s, 2), "Set")
					_ = send("two")
				})
			}).withSession("")
			r := b.get("/").is(200, "onetwo")
			if !e.h.Adapter.Caps().Buffered { // there the stream may be quicker than the header
				r.leavesCookie()
			}
			e.eventually("saved", func() bool { n, _ := b.storedCount(); return n == 2 })
		},
		needs: []need{needRecords},
	},
	{
		name:  "first write after the header",
		text:  "Given a new client, when a handler first writes to the session after the header has left, then the call returns ErrHeaderSent, nothing is stored, no cookie is sent, and the log says so, once.",
		needs: []need{needStreams},
		run: func(e *env) {
			b := e.page(Options{}, func(c Ctx) error {
				s := e.session(c)
				return c.Stream(func(send func(string) error) {
					_ = send("one")
					e.wantError(count.Set(s, 2), core.ErrHeaderSent, "Set")
					e.wantError(s.Login("alice"), core.ErrHeaderSent, "Login")
					e.wantError(s.AddFlash("info", "text"), core.ErrHeaderSent, "AddFlash")
					_ = send("two")
				})
			}).browser()
			b.get("/").is(200, "onetwo").leavesCookie()
			e.wantCalls()
			if n := e.logLines(); n != 1 || !strings.Contains(e.log.String(), "header was sent") {
				e.Errorf("logged %d times: %s", n, e.log.String())
			}
		},
	},
	{
		name:  "a visitor's stream",
		text:  "Given a stream that was opened by a visitor, when the visitor signs in by another request, then the stream never becomes that user's, and no call of it sees or changes what the user has; the visitor's session stays ended.",
		needs: []need{needRecords},
		run:   anonymousStream,
	},
	{
		name:  "Save in a stream",
		text:  "Given a stored session, when a stream calls Save between two chunks, then the change is stored at once.",
		needs: []need{needRecords},
		run:   saveInStream,
	},
}

// actionsAfterHeader is everything that a stream may call after its header has left.
var actionsAfterHeader = []string{"read", "flashes", "set", "save", "add", "note", "flash", "clear", "rotate", "login carol", "save", "remove", "flashes"}

func anonymousStream(e *env) {
	for _, calls := range [][]string{actionsAfterHeader, {"flashes"}, {"save"}, {"set", "save", "flashes"}, {"login carol", "save"}, {"logout", "save", "set", "save"}} {
		goOn := make(chan bool)
		var s *site
		s = e.serve(Options{}, routes{
			"/": func(c Ctx) error { e.ok(e.session(c).Login("alice"), "Login"); return c.NoContent(204) },
			"/stream": func(c Ctx) error {
				session := e.session(c)
				return c.Stream(func(send func(string) error) {
					_ = send("one")
					<-goOn
					for _, word := range calls {
						_, _ = doAction(s.m, background{c}, session, word)
						if who := session.Subject(); who != "" {
							e.Errorf("after %q the stream is %q's", word, who)
						}
						if v := note.GetOr(session, ""); v == secret {
							e.Errorf("after %q the stream sees what the user has", word)
						}
					}
					_ = send("two")
				})
			},
		})
		s.streamWhile(goOn)
	}
}

// streamWhile opens a visitor's stream, signs the visitor in by another request, and lets the stream go on.
func (s *site) streamWhile(goOn chan bool) {
	s.Helper()
	open := make(chan bool, 1)
	user := s.withSession("")
	got := make(chan *response, 1)
	visitor := user.copyOf()
	visitor.client.Transport = tracing{visitor.client.Transport, &httptrace.ClientTrace{GotFirstResponseByte: func() { open <- true }}}
	go func() {
		r, err := visitor.try("GET", "/stream")
		s.ok(err, "the stream")
		got <- r
	}()
	<-open
	user.get("/").status(204).setsCookie()
	user.change(func(session *core.Session) { s.ok(note.Set(session, secret), "Set") })
	goOn <- true
	if r := <-got; r != nil {
		r.is(200, "onetwo").leavesCookie()
	}
	visitor.wantAnonymous()
	if got, want := user.state(), "alice count:1 note:"+secret; got != want {
		s.Errorf("the sign-in holds %q, want %q", got, want)
	}
}

// background is a Ctx whose request may be over.
type background struct{ Ctx }

func (background) Context() context.Context { return context.Background() }

func saveInStream(e *env) {
	var b *browser
	b = e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		return c.Stream(func(send func(string) error) {
			_ = send("one")
			time.Sleep(20 * time.Millisecond) // for what a framework does after the handler has returned
			for i := range 3 {
				e.ok(count.Set(s, 2+i), "Set")
				e.ok(s.Save(context.Background()), "Save")
				b.wantCount(2 + i)
			}
			_ = send("two")
		})
	}).withSession("")
	r := b.get("/").is(200, "onetwo")
	if !e.h.Adapter.Caps().Buffered {
		r.leavesCookie()
	}
	b.wantCount(4)
}
