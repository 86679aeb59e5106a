package adopttest

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// each runs a test with every kind of old application.
func each(t *testing.T, o options, test func(t *testing.T, s *site)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { test(t, open(t, k, o)) })
	}
}

const ours = "__Host-session"

func TestTakeover(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		// Given a browser that the old application signed in, and another one
		b, old := s.signedIn("alice")
		other, _ := s.signedIn("bob")

		// when the new application answers, then the user is signed in there, with the values,
		b.want("/me", 200, alice)
		// the browser has our cookie and not the old one,
		if b.cookie(ours) == "" || b.cookie(s.app.cookie) != "" {
			t.Errorf("ours: %t, the old one: %t", b.cookie(ours) != "", b.cookie(s.app.cookie) != "")
		}
		// the old record is gone, and no other,
		if s.app.records != nil && s.app.records() != 1 {
			t.Errorf("%d old records, want 1", s.app.records())
		}
		b.want("/me", 200, alice)
		// a copy of the old cookie opens nothing,
		s.replay(old, 200, nobody)
		other.want("/me", 200, bob)
		// and after our Logout nothing comes back.
		b.want("/sign-out", 200, "bye")
		b.want("/me", 200, nobody)
		s.replay(old, 200, nobody)
		other.want("/me", 200, bob)
	})
}

// The first page of the new application that a user asks for is the one that signs out.
func TestLogoutFirst(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		b, old := s.signedIn("alice")
		b.want("/sign-out", 200, "bye")
		if b.cookie(ours) != "" || b.cookie(s.app.cookie) != "" {
			t.Error("a cookie is left")
		}
		b.want("/me", 200, nobody)
		s.replay(old, 200, nobody)
	})
}

func TestTwoTabsAtOnce(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		b, old := s.signedIn("alice")
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { b.want("/held", 200, alice) })
		}
		<-s.held // both have been taken over, and neither was stored
		<-s.held
		close(s.gate)
		wg.Wait()
		b.want("/me", 200, alice)
		s.replay(old, 200, nobody)
		b.want("/sign-out", 200, "bye")
		b.want("/me", 200, nobody)
	})
}

// The old application has a request under way, which stores its session after the takeover: the record is back, and so
// is the cookie. Our Logout ends that one, too.
func TestALateRequestOfTheOldApplication(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		b, old := s.signedIn("alice")
		late := make(chan struct{})
		go func() {
			defer close(late)
			if status, _ := b.get("/old/held"); status != 200 {
				t.Errorf("the late request: %d", status)
			}
		}()
		<-s.held
		b.want("/me", 200, alice)
		close(s.gate)
		<-late
		again := b.cookie(s.app.cookie)
		if again == "" && s.app.keys || s.app.records != nil && s.app.records() != 1 {
			t.Fatal("the old application did not write its session back: the test tests nothing")
		}
		b.want("/me", 200, alice)
		s.replay(old, 200, nobody)
		b.want("/sign-out", 200, "bye")
		b.want("/me", 200, nobody)
		s.replay(old, 200, nobody)
		s.replay(again, 200, nobody)
	})
}

// A slow request of the new application began with the old cookie. Meanwhile another one was taken over, and has signed
// out. The slow one has its page, and brings nobody back.
func TestALateRequestAfterTheLogout(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		b, old := s.signedIn("alice")
		late := make(chan struct{})
		go func() {
			defer close(late)
			b.want("/held", 200, alice)
		}()
		<-s.held
		b.want("/me", 200, alice)
		b.want("/sign-out", 200, "bye")
		close(s.gate)
		<-late
		b.want("/me", 200, nobody)
		s.replay(old, 200, nobody)
	})
}

// A page of the new application loads with a script that writes, and both requests come with the old cookie. The script's
// comes when the page was taken over: it must not replace the page's cookie by a visitor's.
func TestAWriteRightAfterTheTakeover(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		b, old := s.signedIn("alice")
		b.want("/me", 200, alice)
		status, cookies := s.visit(old)
		if status != 409 || len(cookies) != 0 {
			t.Errorf("a write with the old cookie: %d, %v", status, cookies)
		}
		b.want("/me", 200, alice)
	})
}

func TestOutage(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		if s.app.down == nil {
			t.Skip("the old store is in memory")
		}
		b, _ := s.signedIn("alice")
		s.app.down()
		b.want("/me", 503, "")
		b.want("/sign-out", 503, "")
		if !strings.Contains(s.log.String(), "not taken over") {
			t.Error("an outage without a line in the log")
		}
		if b.cookie(s.app.cookie) == "" || b.cookie(ours) != "" {
			t.Error("an outage has changed the cookies")
		}
		s.app.up()
		b.want("/me", 200, alice)
	})
}

func TestForgeries(t *testing.T) {
	each(t, options{}, func(t *testing.T, s *site) {
		_, old := s.signedIn("alice")
		middle := len(old) / 2
		for _, bad := range []string{old[:middle], old[:len(old)-1], old[:middle] + string(old[middle]^1) + old[middle+1:], "junk", old + old} {
			s.replay(bad, 200, nobody)
		}
		s.replay("junk; "+s.app.cookie+"="+old, 200, alice)
	})
	each(t, options{keys: [][]byte{blockKey, hashKey}}, func(t *testing.T, s *site) {
		if !s.app.keys {
			t.Skip("it has no keys")
		}
		_, old := s.signedIn("alice")
		s.replay(old, 200, nobody)
	})
}

func TestTooLarge(t *testing.T) {
	each(t, options{maxSize: 1000}, func(t *testing.T, s *site) {
		_, old := s.signedIn(strings.Repeat("x", 1000))
		if s.app.records == nil {
			s.replay(old, 200, nobody)
		} else {
			s.replay(old, 503, "") // the old application has stored it
		}
		_, old = s.signedIn("alice")
		s.replay(old, 200, alice)
	})
}

// The limits of gorilla/sessions and scs, as they are if nobody has set others.
func TestExpired(t *testing.T) {
	in := func(d time.Duration) func() time.Time { return func() time.Time { return time.Now().Add(d) } }
	const day = 24 * time.Hour
	each(t, options{now: in(30*day - time.Minute)}, func(t *testing.T, s *site) {
		_, old := s.signedIn("alice")
		want := nobody
		if s.app.keys {
			want = alice
		}
		s.replay(old, 200, want)
	})
	each(t, options{now: in(30*day + time.Minute)}, func(t *testing.T, s *site) {
		_, old := s.signedIn("alice")
		s.replay(old, 200, nobody)
	})
	each(t, options{now: in(day - time.Minute)}, func(t *testing.T, s *site) {
		_, old := s.signedIn("alice")
		s.replay(old, 200, alice)
	})
}
