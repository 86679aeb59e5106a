package core_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// indexed has the index of a memstore, and no other ability.
type indexed struct{ driver.Store }

func (s indexed) Abilities() driver.Abilities {
	return driver.Abilities{Indexer: driver.AbilitiesOf(s.Store).Indexer}
}

// limited has the abilities of successor, whose Create and Delete are locked, and can limit.
type limited struct{ *successor }

func (s limited) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Store.CreateLimited(ctx, rec, limit)
}

// limiting are the kinds of store that a limit works on, and whether they can refuse.
var limiting = map[string]struct {
	open    func() driver.Store
	refuses bool
}{
	"two steps": {func() driver.Store { return made.Of(memstore.New(memstore.Config{})) }, true},
	"one step": {func() driver.Store {
		return limited{&successor{Store: made.Of(memstore.New(memstore.Config{}))}}
	}, true},
	"trimmed": {func() driver.Store { return indexed{made.Of(memstore.New(memstore.Config{}))} }, false},
}

func cookies(t *testing.T) driver.Backend {
	store, err := cookiestore.New(ring(t, keyring.Generate("k1")), cookiestore.NoRevocation(), cookiestore.Config{})
	must(t, err)
	return store
}

func devices(t *testing.T, m *core.Manager, subject string) (ids []core.ID) {
	t.Helper()
	for s, err := range m.Sessions(ctx, subject) {
		must(t, err)
		ids = append(ids, s.ID())
	}
	return ids
}

func signIn(t *testing.T, m *core.Manager, subject string) *browser {
	t.Helper()
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login(subject)) })
	return b
}

// subjectOf is whose session a browser has.
func subjectOf(b *browser) (subject string) {
	b.visit(func(s *core.Session) { subject = s.Subject() })
	return subject
}

func TestLimitEndsTheOldest(t *testing.T) {
	for kind, l := range limiting {
		t.Run(kind, func(t *testing.T) {
			var ended []core.Event
			m := newManager(t, core.Config{Store: l.open(), MaxPerSubject: 2, Observer: func(_ context.Context, e core.Event) {
				if e.Kind == core.EventDestroy {
					ended = append(ended, e)
				}
			}})
			visitor, other := newBrowser(t, m), signIn(t, m, "bob")
			visitor.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
			first := signIn(t, m, "alice")
			second := signIn(t, m, "alice")
			var oldest core.ID
			first.visit(func(s *core.Session) { oldest = s.ID() })
			third := signIn(t, m, "alice")
			if subjectOf(first) != "" || subjectOf(second) != "alice" || subjectOf(third) != "alice" || subjectOf(other) != "bob" {
				t.Error("after the third sign-in: the first must be over, and nobody else's")
			}
			if len(ended) != 1 || ended[0].ID != oldest || ended[0].Subject != "alice" {
				t.Errorf("events: %+v", ended)
			}
			// Over a session of one's own, there is nothing to end.
			third.visit(func(s *core.Session) { must(t, s.Login("alice")) })
			if len(devices(t, m, "alice")) != 2 || subjectOf(second) != "alice" {
				t.Error("a repeated sign-in counted twice")
			}
			// A visitor's session that becomes alice's counts.
			visitor.visit(func(s *core.Session) { must(t, s.Login("alice")) })
			if n, _ := visitor.value(count); n != 1 || len(devices(t, m, "alice")) != 2 || subjectOf(second) != "" {
				t.Error("a visitor who signed in")
			}
			// Logged out, one may sign in again, although the ended record is there.
			third.visit(func(s *core.Session) { must(t, s.Logout()) })
			signIn(t, m, "alice")
			if subjectOf(visitor) != "alice" || len(devices(t, m, "alice")) != 2 {
				t.Error("an ended session counted")
			}
		})
	}
}

// A session that a sign-in of its own user has replaced keeps the user's name for a while, and does not count.
func TestLimitDoesNotCountTheReplaced(t *testing.T) {
	for kind, l := range limiting {
		m := newManager(t, core.Config{Store: l.open(), MaxPerSubject: 3})
		first, second := signIn(t, m, "alice"), signIn(t, m, "alice")
		second.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		third := signIn(t, m, "alice")
		if subjectOf(first) != "alice" || subjectOf(second) != "alice" || subjectOf(third) != "alice" {
			t.Errorf("%s: one of three sessions is over", kind)
		}
	}
}

func TestLimitRefuses(t *testing.T) {
	for kind, l := range limiting {
		t.Run(kind, func(t *testing.T) {
			events := map[core.EventKind]int{}
			log, lines := logged()
			cfg := core.Config{Store: l.open(), MaxPerSubject: 2, WhenFull: core.RefuseNew, Observer: countEvents(events), Logger: log}
			if !l.refuses {
				if _, err := core.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.WhenFull") || !strings.Contains(err.Error(), "EndOldest") {
					t.Errorf("New: %v", err)
				}
				return
			}
			m := newManager(t, cfg)
			first, second := signIn(t, m, "alice"), signIn(t, m, "alice")
			third := newBrowser(t, m)
			third.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })

			// A handler that does not look: the request fails, and keeps its session.
			r := third.send()
			must(t, r.s.Login("alice"))
			_, err := r.respond(200)
			if !errors.Is(err, core.ErrTooManySessions) || core.HTTPStatus(err) != 403 || core.RetryAfter(err) != "" {
				t.Fatalf("respond: %v, %d %q", err, core.HTTPStatus(err), core.RetryAfter(err))
			}
			if n, live := third.value(count); n != 1 || !live || subjectOf(third) != "" {
				t.Errorf("the visitor's session: %d, %t", n, live)
			}
			if events[core.EventDropped] != 1 || events[core.EventDestroy] != 0 || lines("ERROR", "") != 0 || lines("DEBUG", "not stored") != 1 {
				t.Errorf("events %v", events)
			}

			// One that does: it shows a page of its own, or ends another and tries again.
			r = third.send()
			must(t, r.s.Login("alice"))
			if err := r.s.Save(ctx); !errors.Is(err, core.ErrTooManySessions) {
				t.Fatalf("Save: %v", err)
			}
			if _, err := r.respond(403); err != nil {
				t.Errorf("a page of the handler's own: %v", err)
			}
			if n, live := third.value(count); n != 1 || !live || subjectOf(third) != "" {
				t.Errorf("the visitor's session after its own page: %d, %t", n, live)
			}
			var id core.ID
			first.visit(func(s *core.Session) { id = s.ID() })
			third.visit(func(s *core.Session) {
				must(t, s.Login("alice"))
				if err := s.Save(ctx); !errors.Is(err, core.ErrTooManySessions) {
					t.Errorf("Save: %v", err)
				}
				must(t, m.RevokeOwn(ctx, "alice", id))
				must(t, s.Save(ctx))
			})
			if n, _ := third.value(count); n != 1 || subjectOf(third) != "alice" || subjectOf(first) != "" || subjectOf(second) != "alice" {
				t.Error("after RevokeOwn and another Save")
			}
			// Over a session of one's own there is room.
			third.visit(func(s *core.Session) { must(t, s.Login("alice")) })
			// Also if it is ended in the same request.
			third.visit(func(s *core.Session) { must(t, s.Logout()); must(t, s.Login("alice")) })
			if len(devices(t, m, "alice")) != 2 || subjectOf(third) != "alice" {
				t.Error("a repeated sign-in")
			}
		})
	}
}

// Two sessions in one browser are both ended by its next sign-in, so neither counts.
func TestLimitOfABrowserWithTwoSessions(t *testing.T) {
	m := newManager(t, core.Config{MaxPerSubject: 2, WhenFull: core.RefuseNew})
	one, two := signIn(t, m, "alice"), signIn(t, m, "alice")
	b := newBrowser(t, m)
	b.cookie = one.cookie + "; " + two.cookie
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	if len(devices(t, m, "alice")) != 1 || subjectOf(b) != "alice" {
		t.Error("not signed in alone")
	}
}

func TestLimitForOneUser(t *testing.T) {
	type tenant struct{}
	of := map[string]int{"trial": 1, "team": 3, "root": -1}
	m := newManager(t, core.Config{MaxPerSubject: 2, MaxPerSubjectFor: func(ctx context.Context, subject string) int {
		if ctx.Value(tenant{}) == nil {
			t.Error("the request's context has no values")
		}
		if _, err := core.FromContext(ctx); !errors.Is(err, core.ErrNoSession) {
			t.Error("the request's session can be reached", err)
		}
		return of[subject]
	}})
	for subject, most := range of {
		for range 5 {
			x := m.Adapter().Begin(context.WithValue(ctx, tenant{}, "shop"), nil)
			s, err := x.Session(ctx)
			must(t, err)
			must(t, s.Login(subject))
			_, err = x.Commit(x.Context(), 200)
			must(t, err)
			must(t, x.Finish(ctx))
		}
		if most < 1 {
			most = 5
		}
		if n := len(devices(t, m, subject)); n != most {
			t.Errorf("%s has %d sessions, want %d", subject, n, most)
		}
	}
}

// A limit that the store cannot keep is refused, with the field and the way out.
func TestLimitIsRefused(t *testing.T) {
	memory := func() driver.Backend { return made.Of(memstore.New(memstore.Config{})) }
	forAll := func(context.Context, string) int { return 1 }
	for want, cfg := range map[string]core.Config{
		"Config.MaxPerSubject is -1":                    {Store: memory(), MaxPerSubject: -1},
		`Config.WhenFull is "x"`:                        {Store: memory(), WhenFull: "x"},
		"Config.WhenFull is RefuseNew":                  {Store: memory(), WhenFull: core.RefuseNew},
		"Config.MaxPerSubject needs":                    {Store: plain{memory().(driver.Store)}, MaxPerSubject: 1},
		"Config.MaxPerSubjectFor needs":                 {Store: plain{memory().(driver.Store)}, MaxPerSubjectFor: forAll},
		"Config.MaxPerSubject needs a store that keeps": {Store: cookies(t), MaxPerSubject: 1},
	} {
		if _, err := core.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want %q", err, want)
		}
	}
}

// With an outage at any call, a sign-in under a limit leaves the old session or the new one, and no more than allowed.
func TestLimitAtEveryFault(t *testing.T) {
	for kind, l := range limiting {
		for _, after := range []bool{false, true} {
			for n := 1; n <= 8; n++ {
				fault := storetest.NewFault(l.open())
				m := newManager(t, core.Config{Store: fault.Store(), MaxPerSubject: 2})
				b := signIn(t, m, "alice")
				signIn(t, m, "alice")
				b.visit(func(s *core.Session) { must(t, s.Logout()); must(t, count.Set(s, 1)) })
				signIn(t, m, "alice") // there are two again
				fault.Reset()
				if after {
					fault.After(storetest.Nth(n))
				} else {
					fault.Before(storetest.Nth(n))
				}
				x := m.Adapter().Begin(ctx, b.header())
				s, err := x.Session(ctx)
				if err == nil {
					must(t, s.Login("alice"))
					var out core.Out
					if out, err = x.Commit(ctx, 200); err == nil {
						b.cookie, _, _ = strings.Cut(out.Value, ";")
					}
				}
				_ = x.Finish(ctx)
				fault.Reset()
				what := fmt.Sprintf("%s, call %d, after %t: %v", kind, n, after, err)
				want := ""
				if err == nil {
					want = "alice"
				}
				if got := subjectOf(b); got != want && (err == nil || !after) {
					t.Errorf("%s: signed in as %q", what, got)
				}
				if got := len(devices(t, m, "alice")); got > 2 {
					t.Errorf("%s: %d sessions", what, got)
				}
			}
		}
	}
}

// Sign-ins at once on a store without the ability: the newest stay.
func TestTrimAtOnce(t *testing.T) {
	for _, most := range []int{1, 3} {
		m := newManager(t, core.Config{Store: indexed{made.Of(memstore.New(memstore.Config{}))}, MaxPerSubject: most})
		for round := range rounds() {
			subject := fmt.Sprint(round)
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					r := newBrowser(t, m).send()
					must(t, r.s.Login(subject))
					if _, err := r.respond(200); err != nil && !errors.Is(err, core.ErrEnded) {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := len(devices(t, m, subject)); n != most {
				t.Fatalf("%d sessions, want %d", n, most)
			}
		}
	}
}

func TestCount(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	elsewhere := newManager(t, core.Config{Store: store, Namespace: "other"})
	signIn(t, elsewhere, "alice")
	b := signIn(t, m, "alice")
	newBrowser(t, m).visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	if n, err := m.Count(ctx); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	b.visit(func(s *core.Session) { must(t, s.Logout()) })
	if n, err := m.Count(ctx); n != 1 || err != nil {
		t.Errorf("after a Logout: %d, %v", n, err)
	}
	if _, err := newManager(t, core.Config{Store: plain{store}}).Count(ctx); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a store that cannot: %v", err)
	}
	fault := storetest.NewFault(store)
	fault.Before(func(storetest.Call) error { return errors.New("broken") })
	if _, err := newManager(t, core.Config{Store: fault.Store()}).Count(ctx); !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("an outage: %v", err)
	}
}

// The way of docs/devices.md: a refused sign-in goes on in the next request, without the password.
func TestRefusedSignInGoesOn(t *testing.T) {
	m := newManager(t, core.Config{MaxPerSubject: 1, WhenFull: core.RefuseNew})
	phone := newBrowser(t, m)
	phone.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	var id core.ID
	phone.visit(func(s *core.Session) { id = s.ID() })

	const proved core.Key[string] = "proved"
	b := newBrowser(t, m)
	r := b.send()
	must(t, proved.Set(r.s, "alice"))
	must(t, r.s.Save(ctx))
	must(t, r.s.Login("alice"))
	must(t, proved.Delete(r.s))
	if err := r.s.Save(ctx); !errors.Is(err, core.ErrTooManySessions) || !strings.Contains(err.Error(), "has 1 sessions") {
		t.Fatalf("Save: %v", err)
	}
	_, err := r.respond(403)
	must(t, err)

	b.visit(func(s *core.Session) {
		user, err := proved.Get(s)
		if s.Subject() != "" || user != "alice" {
			t.Errorf("the next request is %q's, proved %q, %v", s.Subject(), user, err)
		}
		must(t, m.RevokeOwn(ctx, user, id))
		must(t, s.Login(user))
		must(t, proved.Delete(s))
		must(t, s.Save(ctx))
	})
	b.visit(func(s *core.Session) {
		if s.Subject() != "alice" || s.Has("proved") {
			t.Errorf("at the end: %q, %q", s.Subject(), s.Keys())
		}
	})
	alive(t, phone, false)
}
