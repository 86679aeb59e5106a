package adaptertest

import (
	"context"
	"errors"
	"iter"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// Rules about many requests at once that do not wait for one another. What the table says about two requests must hold
// for any number of them, in any order.

var raceRules = []rule{
	{
		name: "RevokeSubject against rotation without pause",
		text: "Given 8 clients of one user that rotate their sessions without pause, when RevokeSubject returns without an error, then no session of that user is alive, nor becomes alive, round after round.",
		run:  revokeRotating,
	},
	{
		name:  "overlapping writes and rotations",
		text:  "Given 64 requests of one session that each set a key, when the session is rotated 8 times before they are stored, then 64 of 64 keys are there, and none of the writers sends a cookie.",
		needs: []need{needRecords},
		run:   writeRotating,
	},
	{
		name:  "a change beside the visitor's own sign-in",
		text:  "Given a visitor who adds to a cart and signs in at the same time, when both responses are there, then the new session has the item, or the request that added it got a 409; a request with the old token is a 409, too, and the visitor stays signed in.",
		needs: []need{needRecords},
		run:   changeBesideSignIn,
	},
}

// repeatFor bounds the time that a rule repeats itself, so that a slow store only gets fewer rounds. It is longer with
// TESTS_FULL, which CI sets, and with TESTS_SOAK there is time for all rounds.
var repeatFor = func() time.Duration {
	switch {
	case os.Getenv("TESTS_SOAK") != "":
		return 50 * time.Second
	case os.Getenv("TESTS_FULL") != "":
		return 4 * time.Second
	}
	return time.Second
}()

// rounds yields the rounds of a rule: n, or as many as repeatFor allows; with -short a sixth.
func rounds(n int) iter.Seq[int] {
	if testing.Short() {
		n = max(n/6, 1)
	}
	return func(yield func(int) bool) {
		start := time.Now()
		for i := range n {
			if time.Since(start) > repeatFor || !yield(i) {
				return
			}
		}
	}
}

func revokeRotating(e *env) {
	const clients = 8
	ctx := context.Background()
	two := e.twoServers()
	here, there := two.here, two.there
	recordsOf := there.sessionsOf
	if e.tokens != nil {
		if _, err := there.m.RevokeSubject(ctx, "nobody"); errors.Is(err, errors.ErrUnsupported) {
			return // the store has no driver.SubjectRevoker
		}
		recordsOf = func(string) int { return 0 } // the browsers tell
	}
	for round := range rounds(60) {
		user := "user" + itoa(round)
		var wg sync.WaitGroup
		var stop atomic.Bool
		moving := make(chan bool, clients)
		all := make([]*browser, clients)
		for i := range clients {
			b := here.withSession(user)
			if i%2 == 1 {
				b = b.on(there)
			}
			all[i] = b
			wg.Go(func() { b.rotateUntil(&stop, moving) })
		}
		for range clients {
			<-moving
		}
		_, err := there.m.RevokeSubject(ctx, user)
		e.ok(err, "RevokeSubject")
		left := recordsOf(user)
		stop.Store(true)
		wg.Wait()
		if later := recordsOf(user); left+later > 0 {
			e.Errorf("round %d: %d sessions are alive after RevokeSubject, and %d a moment later", round, left, later)
		}
		for _, b := range all {
			b.wantAnonymous()
		}
		if e.Failed() {
			return
		}
	}
}

// rotateUntil rotates the session until stop is set. It sends to moving after the first time.
func (b *browser) rotateUntil(stop *atomic.Bool, moving chan<- bool) {
	for n := 0; !stop.Load(); n++ {
		r, err := b.try("GET", "/", "X-Do", "rotate")
		if err != nil || r.StatusCode != 200 && r.StatusCode != 409 {
			b.Errorf("a rotation: %v, %v", r, err)
			stop.Store(true)
		}
		if n == 0 {
			moving <- true
		}
	}
}

// sessionsOf returns the number of sessions of a user.
func (s *site) sessionsOf(user string) (n int) {
	s.Helper()
	for _, err := range s.m.Sessions(context.Background(), user) {
		s.ok(err, "Sessions")
		n++
	}
	return n
}

func writeRotating(e *env) {
	arrived, goOn := make(chan bool, overlapping), make(chan bool)
	all := routes{
		"/rotate": func(c Ctx) error { e.ok(e.session(c).RotateID(), "RotateID"); return c.NoContent(204) },
		"/": func(c Ctx) error {
			s := e.session(c)
			arrived <- true
			<-goOn
			e.ok(core.Key[int]("key"+c.Header("X-N")).Set(s, 1), "Set")
			return c.NoContent(204)
		},
	}
	sites := []*site{e.serve(Options{}, all), e.serveSecond(Options{}, all)}
	b := sites[0].withSession("alice")
	var wg sync.WaitGroup
	for i := range overlapping {
		writer := b.on(sites[i%2])
		wg.Go(func() {
			r, err := writer.try("GET", "/", "X-N", itoa(i))
			if err != nil || r.StatusCode != 204 || len(r.sessionCookies()) > 0 {
				e.Errorf("writer %d: %v, %v", i, r, err)
			}
		})
	}
	for range overlapping {
		<-arrived
	}
	for i := range 8 { // the first before all of them, the others among them
		if i == 1 {
			close(goOn)
		}
		if r, err := b.try("GET", "/rotate"); err != nil || r.StatusCode != 204 || len(r.sessionCookies()) != 1 {
			e.Errorf("rotation %d: %v, %v", i, r, err)
		}
	}
	wg.Wait()
	b.peek(func(s *core.Session) {
		if n := s.Len(); n != 1+overlapping {
			e.Errorf("%d keys, want %d", n, 1+overlapping)
		}
	})
	if n := b.sessions(); n != 1 {
		e.Errorf("%d sessions, want 1", n)
	}
}

func changeBesideSignIn(e *env) {
	all := routes{
		"/add": func(c Ctx) error {
			s := e.session(c)
			pause, _ := strconv.Atoi(c.Header("X-Pause"))
			time.Sleep(time.Duration(pause) * time.Millisecond)
			e.ok(count.Update(s, func(n int) int { return n + 1 }), "Update")
			return c.NoContent(204)
		},
		"/login": func(c Ctx) error { e.ok(e.session(c).Login("alice"), "Login"); return c.NoContent(204) },
	}
	here, there := e.serve(Options{}, all), e.serveSecond(Options{}, all)
	var wg sync.WaitGroup
	var refused atomic.Int32
	for range 4 {
		wg.Go(func() {
			for i := range rounds(50) {
				if e.Failed() {
					return
				}
				if here.signInBesideAdd(there, i) {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	e.Logf("%d of the changes met the sign-in and were refused", refused.Load())
}

// signInBesideAdd is one round: a change and a sign-in at the same time, then a change with the old token.
func (s *site) signInBesideAdd(there *site, round int) (refused bool) {
	b := s.withSession("")
	old := b.on(there)
	adding := make(chan *response, 1)
	go func() {
		r, err := old.copyOf().try("GET", "/add", "X-Pause", itoa(round%5))
		s.ok(err, "the change")
		adding <- r
	}()
	r, err := b.try("GET", "/login")
	add := <-adding
	if err != nil || add == nil || r.StatusCode != 204 || len(r.sessionCookies()) != 1 {
		s.Errorf("the sign-in: %v, %v", r, err)
		return false
	}
	want := 2
	if refused = add.StatusCode == 409; refused {
		want = 1
	} else if add.StatusCode != 204 {
		s.Errorf("the change: %d", add.StatusCode)
	}
	if len(add.sessionCookies()) > 0 {
		s.Errorf("the change overwrites the sign-in's cookie: %.70q", add.sessionCookies())
	}
	b.wantCount(want)
	late, err := old.copyOf().try("GET", "/add")
	if err != nil || late.StatusCode != 409 || len(late.sessionCookies()) > 0 {
		s.Errorf("with the old token: %v, %v", late, err)
	}
	b.peek(func(session *core.Session) {
		if session.Subject() != "alice" {
			s.Errorf("the visitor is signed out")
		}
	})
	return refused
}
