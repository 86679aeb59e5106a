package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// RevokeSubject of users whose tokens carry the record. internal/test/cookiehttp has the requests that meet it.

// withoutSubjects is a store of tokens that can revoke IDs, and no users.
type withoutSubjects struct{ driver.TokenStore }

func TestRevokeSubjectThatTokensCannot(t *testing.T) {
	revoking, err := cookiestore.New(newRing(t), cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	must(t, err)
	unrevoked, err := cookiestore.New(newRing(t), cookiestore.NoRevocation(), cookiestore.Config{})
	must(t, err)
	for name, store := range map[string]driver.Backend{"NoRevocation": unrevoked, "no such ability": withoutSubjects{revoking}} {
		events := 0
		m := newManager(t, core.Config{Store: store, Observer: func(_ context.Context, e core.Event) {
			if e.Kind == core.EventDestroy || e.Kind == core.EventDelete && e.ID.IsZero() {
				events++
			}
		}})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		r := b.send()
		must(t, r.s.Login("alice"))
		n, err := m.RevokeSubject(r.x.Context(), "alice")
		if n != 0 || !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, core.ErrUnavailable) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if r.s.Subject() != "alice" || events > 0 {
			t.Errorf("%s: a RevokeSubject that did nothing left %q's session, and %d events", name, r.s.Subject(), events)
		}
	}
}

// What RevokeSubject does to the request's own session is what it does with a store of records.
func TestRevokeSubjectOfTheOwnToken(t *testing.T) {
	for _, before := range []string{"nothing", "login", "rotate"} {
		for _, after := range []string{"nothing", "set", "login"} {
			var ended []core.Event
			m := cookieManager(t, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), core.Config{Observer: func(_ context.Context, e core.Event) {
				if e.Kind == core.EventDestroy {
					ended = append(ended, e)
				}
			}})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
			old := b.copyOf()
			r := b.send()
			must(t, other.Set(r.s, 1)) // falls
			switch before {
			case "login":
				must(t, r.s.Login("alice"))
			case "rotate":
				must(t, r.s.RotateID())
			}
			if n, err := m.RevokeSubject(r.x.Context(), "alice"); n != 0 || err != nil {
				t.Fatal(n, err)
			}
			if len(ended) != 1 || ended[0].Subject != "alice" || !ended[0].ID.IsZero() {
				t.Errorf("events: %+v", ended)
			}
			if r.s.Subject() != "" || r.s.Has("count") || !r.s.IsNew() {
				t.Errorf("%s: still %q's", before, r.s.Subject())
			}
			switch after {
			case "set":
				must(t, count.Set(r.s, 2))
			case "login":
				must(t, r.s.Login("alice"))
			}
			_, err := r.respond(200)
			must(t, err)
			alive(t, old, false)
			if after == "nothing" && b.cookie != "" {
				t.Errorf("%s: the cookie stays", before)
			}
			b.visit(func(s *core.Session) {
				n, _ := count.Get(s)
				if s.Has("other") || (s.Subject() == "alice") != (after == "login") || (n == 2) != (after == "set") {
					t.Errorf("%s, %s: %q's session holds %q", before, after, s.Subject(), s.Keys())
				}
			})
		}
	}
}

// If the store of revoked sessions is down, users get a 503 and keep their session, and RevokeSubject says that it may
// not have been carried out. A visitor without a cookie needs no answer of it.
func TestOutageOfTheEpochs(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := cookieManager(t, cookiestore.RevokeIn(fault.Store()), core.Config{})
	alice, visitor := newBrowser(t, m), newBrowser(t, m)
	alice.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)) })
	r, signIn := alice.send(), newBrowser(t, m).send()
	fault.Before(storetest.Outage)
	if n, err := m.RevokeSubject(r.x.Context(), "alice"); n != 0 || core.HTTPStatus(err) != 503 {
		t.Errorf("RevokeSubject: %d, %v", n, err)
	}
	if r.s.Subject() != "alice" {
		t.Error("a RevokeSubject that failed ended the request's own session")
	}
	must(t, count.Set(r.s, 2))
	must(t, signIn.s.Login("alice"))
	for what, r := range map[string]*request{"a write": r, "a sign-in": signIn} {
		if out, err := r.respond(200); core.HTTPStatus(err) != 503 || out.Name != "" {
			t.Errorf("%s: %+v, %v", what, out, err)
		}
	}
	x := m.Adapter().Begin(ctx, alice.header())
	if _, err := x.Session(ctx); core.HTTPStatus(err) != 503 {
		t.Errorf("a request of the user: %v", err)
	}
	visitor.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	fault.Reset()
	if n, _ := alice.value(count); n != 1 {
		t.Errorf("afterwards: count = %d", n)
	}
}

// The calls to the store of revoked sessions: for a user's token one more than for a visitor's.
func TestQuestionsForTokens(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	clock := storetest.NewClock()
	store := made.Of(cookiestore.New(newRing(t), cookiestore.RevokeIn(fault.Store()), cookiestore.Config{Now: clock.Now}))
	m := newManager(t, core.Config{Store: store, Now: clock.Now, TouchInterval: time.Minute})
	for _, user := range []string{"", "alice"} {
		more := 0
		if user != "" {
			more = 1
		}
		b := newBrowser(t, m)
		calls := func(what string, loads, creates int, handler func(*core.Session)) {
			t.Helper()
			fault.Reset()
			b.visit(handler)
			if got := fault.Calls(); got["Load"] != loads || got["Create"] != creates {
				t.Errorf("%q, %s: %v, want %d Load and %d Create", user, what, got, loads, creates)
			}
		}
		calls("a new session", more, 0, func(s *core.Session) {
			must(t, count.Set(s, 1))
			if user != "" {
				must(t, s.Login(user))
			}
		})
		calls("read", 1+more, 0, read)
		calls("write", 2+2*more, 0, func(s *core.Session) { must(t, count.Set(s, 2)) })
		clock.Advance(2 * time.Minute)
		calls("read, with a touch", 2+2*more, 0, read)
		calls("rotate", 1+2*more, 1, func(s *core.Session) { must(t, s.RotateID()) })
	}
	fault.Reset()
	_, err := m.RevokeSubject(ctx, "alice")
	must(t, err)
	_, err = m.RevokeSubject(ctx, "alice")
	must(t, err)
	if got := fmt.Sprint(fault.Calls()); got != "map[Create:1 Load:2 Update:1]" {
		t.Errorf("RevokeSubject twice: %s", got)
	}
}
