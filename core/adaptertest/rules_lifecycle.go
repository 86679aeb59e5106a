package adaptertest

import (
	"context"
	"errors"
	"net/http/cookiejar"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about sessions that get a new token, end, or are used by many clients.

var lifecycleRules = []rule{
	{
		name: "rotation",
		text: "Given a session, when a handler rotates it or signs a user in, then the client gets a new token, the old token no longer works, and the data is kept.",
		run: func(e *env) {
			s := e.serve(Options{}, routes{
				"/rotate": func(c Ctx) error { e.ok(e.session(c).RotateID(), "RotateID"); return c.NoContent(204) },
				"/login":  func(c Ctx) error { e.ok(e.session(c).Login("alice"), "Login"); return c.Redirect(303, "/") },
			})
			for _, path := range []string{"/rotate", "/login"} {
				b := s.withSession("")
				old := b.copyOf()
				b.get(path).setsCookie()
				if b.token() == old.token() {
					e.Errorf("%s: the token is the same", path)
				}
				old.wantAnonymous()
				b.wantCount(1)
			}
		},
	},
	{
		name: "logout",
		text: "Given a session, when a handler ends it and redirects, then the cookie is deleted, and the token no longer works.",
		run: func(e *env) {
			s := e.page(Options{}, func(c Ctx) error {
				e.ok(e.session(c).Logout(), "Logout")
				return c.Redirect(303, "/")
			})
			b := s.withSession("alice")
			old := b.copyOf()
			b.get("/").status(303).deletesCookie()
			old.wantAnonymous()
			if e.tokens == nil && s.sessions() != 0 {
				e.Errorf("the store is not empty")
			}
			s.browser().get("/").status(303).leavesCookie()
		},
	},
	{
		name: "emptied",
		text: "Given a visitor's session, when a handler removes the last value, then the record and the cookie both go; given a user's session, then both stay.",
		run:  emptied,
	},
	{
		name: "a lifetime of its own before the sign-in",
		text: "Given a visitor whose session has a lifetime of its own, when the visitor signs in, then the cookie has the default lifetime; when the lifetime is set after the sign-in, then the cookie has that.",
		run: func(e *env) {
			s := e.serve(Options{}, routes{
				"/short": func(c Ctx) error { e.ok(e.session(c).ExpireIn(time.Hour), "ExpireIn"); return c.NoContent(204) },
				"/login": func(c Ctx) error { e.ok(e.session(c).Login("alice"), "Login"); return c.NoContent(204) },
				"/both": func(c Ctx) error {
					e.ok(e.session(c).Login("alice"), "Login")
					e.ok(e.session(c).ExpireIn(time.Hour), "ExpireIn")
					return c.NoContent(204)
				},
			})
			b := s.withSession("")
			b.get("/short").setsCookie().lasts(time.Hour)
			b.copyOf().get("/login").setsCookie().lasts(14 * 24 * time.Hour)
			s.withSession("").get("/both").setsCookie().lasts(time.Hour)
		},
	},
	{
		name: "a cookie jar",
		text: "Given a client with the cookie jar of net/http, when it visits, signs in, visits and signs out, then it sees what a user should.",
		run:  withJar,
	},
	{
		name: "many clients",
		text: "Given clients that send requests at the same time over their own connections, then each always sees its own session.",
		run:  manyClients,
	},
	{
		name: "after the request",
		text: "Given a goroutine that goes on using the session when the request is over, then it gets ErrClosed, and none of its changes is stored or reaches another request.",
		run:  afterTheRequest,
	},
}

func emptied(e *env) {
	two := e.twoServers()
	for _, how := range []string{"remove", "clear", "flashes"} {
		if how == "flashes" && e.tokens != nil {
			continue // they leave the cookie with the response
		}
		b := two.here.withSession("", func(s *core.Session) {
			if how == "flashes" { // and nothing else
				e.ok(count.Delete(s), "Delete")
				e.ok(s.AddFlash("info", "old"), "AddFlash")
			}
		})
		before := b.copyOf()
		b.get("/", "X-Do", how).status(200).deletesCookie()
		before.wantAnonymous()
		if e.tokens == nil && two.here.sessions() != 0 {
			e.Errorf("%s: a session is left", how)
		}
	}
	user := two.here.withSession("alice")
	user.get("/", "X-Do", "clear").status(200)
	if got := user.state(); got != "alice" {
		e.Errorf("the user's session is %q", got)
	}
}

func withJar(e *env) {
	e.cfg.Cookie.Insecure = true // the jar keeps Secure cookies to itself on http://
	s := e.serve(Options{}, routes{
		"/":       countVisits(e),
		"/login":  func(c Ctx) error { e.ok(e.session(c).Login("alice"), "Login"); return c.Redirect(303, "/") },
		"/logout": func(c Ctx) error { e.ok(e.session(c).Logout(), "Logout"); return c.Redirect(303, "/") },
	})
	b := s.browser()
	jar, err := cookiejar.New(nil)
	e.must(err)
	b.client.Jar, b.client.CheckRedirect = jar, nil
	for _, step := range []struct{ path, sees string }{
		{"/", "visit 1"}, {"/", "visit 2"}, {"/login", "visit 3"}, {"/", "visit 4"}, {"/logout", "visit 1"}, {"/", "visit 2"},
	} {
		b.cookies = nil // leave them to the jar
		b.get(step.path).is(200, step.sees)
	}
}

func manyClients(e *env) {
	s := e.page(Options{}, func(c Ctx) error {
		s := e.session(c)
		e.ok(count.Update(s, func(n int) int { return n + 1 }), "Update")
		who := note.GetOr(s, "nobody")
		e.ok(note.Set(s, c.Header("X-Name")), "Set")
		return c.String(200, who+" "+itoa(count.GetOr(s, -1)))
	})
	var wg sync.WaitGroup
	for i := range 4 {
		b, name := s.browser(), "client"+itoa(i)
		wg.Go(func() {
			want := "nobody 1"
			for n := range 20 {
				r, err := b.try("GET", "/", "X-Name", name)
				if err != nil || r.body != want {
					e.Errorf("%s got %v, %v, want %s", name, r, err, want)
					return
				}
				want = name + " " + itoa(n+2)
			}
		})
	}
	wg.Wait()
}

func afterTheRequest(e *env) {
	leaked := make(chan *core.Session, 1)
	stopped := make(chan error, 1)
	b := e.page(Options{}, func(c Ctx) error {
		s, ctx := e.session(c), c.Context()
		leaked <- s
		started := make(chan struct{})
		go func() {
			for i := 0; ; i++ {
				_ = note.Set(s, itoa(i))
				_, err := core.FromContext(ctx)
				if i == 0 {
					close(started)
				}
				if errors.Is(err, core.ErrClosed) {
					stopped <- err
					return
				}
			}
		}()
		<-started
		return c.String(200, "done")
	}).withSession("")
	b.get("/").is(200, "done")
	s := <-leaked
	<-stopped
	e.wantError(count.Set(s, 99), core.ErrClosed, "Set")
	_, err := count.Get(s)
	e.wantError(err, core.ErrClosed, "Get")
	e.wantError(s.Save(context.Background()), core.ErrClosed, "Save")
	b.wantCount(1)
}
