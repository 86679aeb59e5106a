package core_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// walker is an index that is no snapshot: it lists, and then loads. Lister allows that.
type walker struct {
	*memstore.Store
	during func()
}

func (w *walker) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var ids []driver.ID
		for rec, err := range w.Store.BySubject(ctx, subject) {
			if err != nil {
				yield(rec, err)
				return
			}
			ids = append(ids, rec.ID)
		}
		if f := w.during; f != nil {
			w.during = nil
			f()
		}
		for _, id := range ids {
			rec, err := w.Store.Load(ctx, id)
			if errors.Is(err, driver.ErrNotFound) || err == nil && rec.Subject != subject {
				continue
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func TestRevokeSubjectMissesASignIn(t *testing.T) {
	w := &walker{Store: made(memstore.New(memstore.Config{}))}
	m := newManager(t, core.Config{Store: w})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	w.during = func() {
		b.visit(func(s *core.Session) {
			if s.Subject() == "alice" { // a step-up without a password
				must(t, s.Login("alice"))
			}
		})
	}
	n, err := m.RevokeSubject(ctx, "alice")
	if s := b.send().s; s.Subject() == "alice" {
		t.Errorf("RevokeSubject = %d, %v, and the client is still alice", n, err)
	}
}

// A sign-in of a client that has no session yet, revoked by its own request.
func TestRevokeOfThePendingSignIn(t *testing.T) {
	for _, had := range []bool{false, true} {
		m := newManager(t, core.Config{})
		b := newBrowser(t, m)
		if had {
			b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		}
		r := b.send()
		must(t, r.s.Login("alice"))
		must(t, m.Revoke(r.x.Context(), r.s.ID()))
		_, err := r.respond(200)
		must(t, err)
		if s := b.send().s; s.Subject() != "" {
			t.Errorf("had a session %v: revoked, and %q all the same", had, s.Subject())
		}
	}
}

// RevokeSubject fails before it comes to the request's own session, which is not ended, and its cookie stays.
func TestRevokeSubjectFailsHalfway(t *testing.T) {
	for range 100 {
		if revokeFailsAtOwn(t) > 0 {
			return
		}
	}
	t.Error("a walk comes to the own session first, always") // the order is random
}

// revokeFailsAtOwn returns how many sessions were revoked before the request's own one could not be.
func revokeFailsAtOwn(t *testing.T) int {
	t.Helper()
	fault := storetest.NewFault(made(memstore.New(memstore.Config{})))
	m := newManager(t, core.Config{Store: fault.Store()})
	b, o := newBrowser(t, m), newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	o.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	old := b.copyOf()
	r := b.send()
	mine := r.s.ID()
	fault.Before(func(c storetest.Call) error {
		if c.Method == "Delete" && c.ID == mine {
			return driver.ErrUnavailable
		}
		return nil
	})
	n, rerr := m.RevokeSubject(r.x.Context(), "alice")
	fault.Reset()
	_, err := r.respond(200)
	if s := old.send().s; rerr == nil || err == nil && b.cookie == "" && s.Subject() != "" {
		t.Errorf("RevokeSubject = %d, %v; the cookie is %q, and the session is of %q", n, rerr, b.cookie, s.Subject())
	}
	return n
}

// The zero ID is no session, and excepts none.
func TestRevokeSubjectExceptZero(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	old := b.copyOf()
	r := b.send()
	must(t, r.s.Logout())
	n, err := m.RevokeSubject(r.x.Context(), "alice", r.s.ID())
	r.x.Discard()
	if s := old.send().s; s.Subject() != "" {
		t.Errorf("RevokeSubject = %d, %v, and the session lives", n, err)
	}
}

// A client that signs in again over its own session, without pause, must not outlive RevokeSubject.
func TestSignInLoopAgainstRevokeSubject(t *testing.T) {
	m := newManager(t, core.Config{})
	missed, rounds := 0, 300
	for i := range rounds {
		alice := fmt.Sprint("alice", i)
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login(alice)) })
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
				if r.s.Subject() != alice {
					r.x.Discard()
					return
				}
				_ = r.s.Login(alice)
				_, _ = r.respond(200)
			}
		})
		_, err := m.RevokeSubject(ctx, alice)
		close(stop)
		wg.Wait()
		if s := b.send().s; err == nil && s.Subject() == alice {
			missed++
		}
		_, _ = m.RevokeSubject(ctx, alice)
	}
	if missed > 0 {
		t.Errorf("missed %d of %d", missed, rounds)
	}
}

// forgetful is a store whose list of a user may have been thrown out, and says so.
type forgetful struct {
	*memstore.Store
	hides  map[driver.ID]bool
	during func()
	says   error // at the end of the list
}

func (f *forgetful) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		for rec, err := range f.Store.BySubject(ctx, subject) {
			if !f.hides[rec.ID] && !yield(rec, err) {
				return
			}
		}
		if during := f.during; during != nil {
			f.during = nil
			during()
		}
		yield(driver.Record{}, fmt.Errorf("forgetful: %w", f.says))
	}
}

// Given a store whose list of a user may lack sessions, then Sessions and RevokeSubject do what they can and say so.
func TestListThatMayLackSessions(t *testing.T) {
	for _, says := range []error{driver.ErrIncomplete, driver.ErrCorrupt, driver.ErrUnreadable} {
		t.Run(says.Error(), func(t *testing.T) { listMayLackSessions(t, says) })
	}
}

func listMayLackSessions(t *testing.T, says error) {
	f := &forgetful{Store: made(memstore.New(memstore.Config{})), hides: map[driver.ID]bool{}, says: says}
	m := newManager(t, core.Config{Store: f})
	signIn := func(listed bool) (*browser, core.ID) {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
		r := b.send()
		defer r.x.Discard()
		f.hides[r.s.ID()] = !listed
		return b, r.s.ID()
	}
	incomplete := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, says) || errors.Is(err, core.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", what, err, says)
		}
	}
	listed, _ := signIn(true)
	hidden, _ := signIn(false)
	own, _ := signIn(false)
	seen, last := 0, error(nil)
	for _, err := range m.Sessions(ctx, "alice") {
		if last = err; err == nil {
			seen++
		}
	}
	if incomplete("Sessions", last); seen != 1 {
		t.Errorf("%d sessions are listed", seen)
	}

	// The request's own session is known without a list. What signs in during the walk is seen by the next one.
	late := newBrowser(t, m)
	f.during = func() { late.visit(func(s *core.Session) { must(t, s.Login("alice")) }) }
	r := own.send()
	old := own.copyOf()
	n, err := m.RevokeSubject(r.x.Context(), "alice")
	if incomplete("RevokeSubject", err); n != 3 {
		t.Errorf("%d sessions were ended, want 3: the listed one, the late one and its own", n)
	}
	_, err = r.respond(200)
	must(t, err)
	if own.cookie != "" {
		t.Errorf("its own cookie stays: %q", own.cookie)
	}
	for name, b := range map[string]*browser{"listed": listed, "late": late, "own": old} {
		if s := b.send().s; s.Subject() != "" {
			t.Errorf("the %s session lives", name)
		}
	}
	if s := hidden.send().s; s.Subject() != "alice" {
		t.Error("the hidden session has ended; the test shows nothing")
	}

	// Excepted, the own session stays, whatever else the list lacks. A sign-in that is not stored yet falls.
	mine, id := signIn(false)
	r = mine.send()
	n, err = m.RevokeSubject(r.x.Context(), "alice", id)
	incomplete("RevokeSubject but for its own", err)
	_, err = r.respond(200)
	must(t, err)
	if s := mine.send().s; n != 0 || s.Subject() != "alice" {
		t.Errorf("%d sessions were ended, and the excepted one is %q's", n, s.Subject())
	}
	fresh := newBrowser(t, m)
	r = fresh.send()
	must(t, r.s.Login("alice"))
	_, err = m.RevokeSubject(r.x.Context(), "alice")
	incomplete("RevokeSubject right after Login", err)
	_, err = r.respond(200)
	must(t, err)
	if s := fresh.send().s; s.Subject() != "" {
		t.Error("a sign-in that was not stored yet has outlived RevokeSubject")
	}
}
