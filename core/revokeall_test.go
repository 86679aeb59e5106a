package core_test

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// allWalker is a list that is no snapshot: it lists, and then loads. It fails before a record, if told so.
type allWalker struct {
	*memstore.Store
	during func() // between the two, once
	fails  func(n int) error
}

func (w *allWalker) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var ids []driver.ID
		for rec := range w.Store.All(ctx) {
			ids = append(ids, rec.ID)
		}
		if f := w.during; f != nil {
			w.during = nil
			f()
		}
		for n, id := range ids {
			if w.fails != nil {
				if err := w.fails(n); err != nil {
					yield(driver.Record{}, err)
					return
				}
			}
			if rec, err := w.Store.Load(ctx, id); !errors.Is(err, driver.ErrNotFound) && !yield(rec, err) {
				return
			}
		}
	}
}

func newRing(t *testing.T) *keyring.Keyring {
	t.Helper()
	ring, err := keyring.New(keyring.Generate("k1"))
	must(t, err)
	return ring
}

// Given a restored backup, then RevokeAll ends what began before it, of all users and of none, readable or not, and
// leaves alone what began since, and what is another namespace's.
func TestRevokeAll(t *testing.T) {
	clock := storetest.NewClock()
	store := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	events := map[core.EventKind]int{}
	m := newManager(t, core.Config{Store: store, Now: clock.Now, Observer: countEvents(events)})
	staff := newManager(t, core.Config{Store: store, Now: clock.Now, Namespace: "staff"})
	sealed := newManager(t, core.Config{Store: store, Now: clock.Now, Keys: newRing(t)})
	signIn := func(m *core.Manager, user string) *browser {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login(user)) })
		return b
	}
	old := map[string]*browser{
		"alice": signIn(m, "alice"), "bob": signIn(m, "bob"), "carol's, sealed": signIn(sealed, "carol"),
	}
	anonymous := newBrowser(t, m)
	anonymous.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	own := signIn(m, "admin")
	other := signIn(staff, "alice")
	clock.Advance(time.Minute)
	restored := clock.Now()
	clock.Advance(time.Minute)
	fresh := signIn(m, "alice")
	old["bob"].visit(func(s *core.Session) { must(t, s.RotateID()) }) // which makes no new session of it

	events[core.EventDestroy] = 0
	r := own.send()
	if n, err := m.RevokeAll(r.x.Context(), restored); n != 5 || err != nil {
		t.Errorf("RevokeAll = %d, %v, want 5", n, err)
	}
	if events[core.EventDestroy] != 5 {
		t.Errorf("%d events of 5", events[core.EventDestroy])
	}
	_, err := r.respond(200)
	must(t, err)
	if own.cookie != "" {
		t.Errorf("the own session was ended, and its cookie stays: %q", own.cookie)
	}
	for name, b := range old {
		if s := b.send().s; s.Subject() != "" {
			t.Errorf("%s: alive", name)
		}
	}
	if n, err := count.Get(anonymous.send().s); n != 0 {
		t.Errorf("the visitor's session has %d, %v", n, err)
	}
	for name, b := range map[string]*browser{"one from since": fresh, "another namespace's": other} {
		if s := b.send().s; s.Subject() != "alice" {
			t.Errorf("%s has ended", name)
		}
	}
	if n, err := m.RevokeAll(ctx, restored); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

// Whoever has an old session cannot carry it past RevokeAll by a step-up without a password, or by a rotation.
func TestRevokeAllAgainstStepUp(t *testing.T) {
	for name, change := range map[string]func(s *core.Session) error{
		"login": func(s *core.Session) error { return s.Login("alice") }, "rotate": (*core.Session).RotateID,
	} {
		t.Run(name, func(t *testing.T) {
			w := &allWalker{Store: made.Of(memstore.New(memstore.Config{}))}
			m := newManager(t, core.Config{Store: w})
			b, visitor := newBrowser(t, m), newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
			step := func(s *core.Session) {
				if s.Subject() == "alice" {
					must(t, change(s))
				}
			}
			restored := time.Now()
			time.Sleep(time.Millisecond)
			b.visit(step) // before the call
			w.during = func() {
				b.visit(step)
				b.visit(step)
				visitor.visit(func(s *core.Session) { must(t, s.Login("bob")) })
			}
			n, err := m.RevokeAll(ctx, restored)
			if s := b.send().s; err != nil || s.Subject() != "" {
				t.Errorf("RevokeAll = %d, %v, and the client is %q", n, err, s.Subject())
			}
			if s := visitor.send().s; s.Subject() != "bob" {
				t.Errorf("who signed in anew meanwhile is %q", s.Subject())
			}
		})
	}
}

// A client that steps up or rotates without pause does not outlive RevokeAll.
func TestLoopsAgainstRevokeAll(t *testing.T) {
	for name, change := range map[string]func(s *core.Session) error{
		"login": func(s *core.Session) error { return s.Login("alice") }, "rotate": (*core.Session).RotateID,
	} {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				m := newManager(t, core.Config{})
				b := newBrowser(t, m)
				b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
				stop := make(chan struct{})
				var wg sync.WaitGroup
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						r := b.send()
						if r.s.Subject() != "alice" {
							r.x.Discard()
							return
						}
						_ = change(r.s)
						_, _ = r.respond(200)
					}
				})
				_, err := m.RevokeAll(ctx, time.Now())
				close(stop)
				wg.Wait()
				if s := b.send().s; err == nil && s.Subject() == "alice" {
					t.Fatal("still alice")
				}
			}
		})
	}
}

// A chain of sign-ins that is longer than the walk's passes is followed to its end.
func TestRevokeAllAfterManyLogins(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	login := func(s *core.Session) { must(t, s.Login("alice")) }
	b.visit(login)
	time.Sleep(time.Millisecond)
	restored := time.Now()
	time.Sleep(time.Millisecond)
	for range 500 {
		b.visit(login)
	}
	n, err := m.RevokeAll(ctx, restored)
	if s := b.send().s; n != 1 || err != nil || s.Subject() != "" {
		t.Errorf("RevokeAll = %d, %v, and the client is %q", n, err, s.Subject())
	}
}

// What goes wrong on the way is told beside the count; what the store cannot read is told after all others.
func TestRevokeAllFails(t *testing.T) {
	for name, c := range map[string]struct {
		at   int
		err  error
		want int
	}{
		"outage":     {2, driver.Unavailable("test", errors.New("down")), 2},
		"unknown":    {2, errors.New("down"), 2},
		"unreadable": {4, driver.Unreadable("test"), 5},
		"at once":    {0, driver.Unavailable("test", errors.New("down")), 0},
	} {
		w := &allWalker{Store: made.Of(memstore.New(memstore.Config{}))}
		m := newManager(t, core.Config{Store: w})
		for range 5 {
			newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
		}
		w.fails = func(n int) error {
			if n == c.at {
				return c.err
			}
			return nil
		}
		n, err := m.RevokeAll(ctx, time.Now().Add(time.Second))
		want := driver.ErrUnavailable
		if name == "unreadable" {
			want = driver.ErrUnreadable
		}
		if n != c.want || !errors.Is(err, want) {
			t.Errorf("%s: RevokeAll = %d, %v, want %d and %v", name, n, err, c.want, want)
		}
	}
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	for range 3 {
		newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	}
	writes := 0
	fault.Before(func(c storetest.Call) error {
		if c.Method == "Update" || c.Method == "Delete" {
			if writes++; writes > 1 {
				return storetest.Outage(c)
			}
		}
		return nil
	})
	if n, err := m.RevokeAll(ctx, time.Now().Add(time.Second)); n != 1 || !errors.Is(err, core.ErrUnavailable) {
		t.Errorf("the writes fail: RevokeAll = %d, %v", n, err)
	}
	fault.Before(storetest.On("Update")) // a store that is full can delete
	if n, err := m.RevokeAll(ctx, time.Now().Add(time.Second)); n != 2 || err != nil {
		t.Errorf("the Updates fail: RevokeAll = %d, %v", n, err)
	}
}

// bare is a store without abilities.
type bare struct{ driver.Store }

// Without a list of all sessions it says what All says.
func TestRevokeAllUnsupported(t *testing.T) {
	tokens, err := cookiestore.New(newRing(t), cookiestore.NoRevocation(), cookiestore.Config{})
	must(t, err)
	for name, store := range map[string]driver.Backend{"bare": bare{made.Of(memstore.New(memstore.Config{}))}, "cookie": tokens} {
		m := newManager(t, core.Config{Store: store})
		n, err := m.RevokeAll(ctx, time.Now())
		var same error
		for _, same = range m.All(ctx) {
		}
		if n != 0 || !errors.Is(err, errors.ErrUnsupported) || err.Error() != same.Error() {
			t.Errorf("%s: RevokeAll = %d, %v, and All says %v", name, n, err, same)
		}
	}
}

// unsureStore is a walker whose next Update does not know what came of it.
type unsureStore struct {
	*allWalker
	before func() // of the next Update, once
}

func (u *unsureStore) Update(ctx context.Context, rec *driver.Record) error {
	f := u.before
	if f == nil {
		return u.allWalker.Update(ctx, rec)
	}
	u.before = nil
	f()
	if err := u.allWalker.Update(ctx, rec); err != nil {
		return driver.Unavailable("test", errors.New("the connection was lost, and the call may have had its effect"))
	}
	return nil
}

// A store that does not know whether an Update was done, since the connection was lost, hides no step-up: what tells
// of it stays.
func TestRevokeAllOfUnknownOutcome(t *testing.T) {
	u := &unsureStore{allWalker: &allWalker{Store: made.Of(memstore.New(memstore.Config{}))}}
	m := newManager(t, core.Config{Store: u})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	time.Sleep(time.Millisecond)
	restored := time.Now()
	time.Sleep(time.Millisecond)
	u.before = func() { b.visit(func(s *core.Session) { must(t, s.Login(s.Subject())) }) }
	n, err := m.RevokeAll(ctx, restored)
	if s := b.send().s; err != nil || s.Subject() != "" {
		t.Errorf("RevokeAll = %d, %v, and the client is %q", n, err, s.Subject())
	}
}

// A user's sign-in on another device since the time given is ended only if one of this user's older sessions was
// exchanged within the next 30 seconds.
func TestRevokeAllAndAnotherDevice(t *testing.T) {
	for between, want := range map[time.Duration]string{time.Second: "", 40 * time.Second: "alice"} {
		clock := storetest.NewClock()
		m := newManager(t, core.Config{Store: made.Of(memstore.New(memstore.Config{Now: clock.Now})), Now: clock.Now})
		old, fresh, bob := newBrowser(t, m), newBrowser(t, m), newBrowser(t, m)
		login := func(s *core.Session) { must(t, s.Login("alice")) }
		old.visit(login)
		clock.Advance(time.Hour)
		restored := clock.Now()
		clock.Advance(time.Second)
		fresh.visit(login)
		bob.visit(func(s *core.Session) { must(t, s.Login("bob")) })
		clock.Advance(between)
		old.visit(login)
		n, err := m.RevokeAll(ctx, restored)
		must(t, err)
		if s := fresh.send().s; s.Subject() != want {
			t.Errorf("%v: RevokeAll = %d, and the other device is %q, want %q", between, n, s.Subject(), want)
		}
		if o, b := old.send().s, bob.send().s; o.Subject() != "" || b.Subject() != "bob" {
			t.Errorf("%v: the old one is %q, and bob %q", between, o.Subject(), b.Subject())
		}
	}
}
