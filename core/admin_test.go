package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestDevicesOfAUser(t *testing.T) {
	m := newManager(t, core.Config{})
	device := core.Key[string]("device")
	signIn := func(user, dev string) *browser {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login(user)); must(t, device.Set(s, dev)) })
		return b
	}
	phone, laptop, other := signIn("alice", "phone"), signIn("alice", "laptop"), signIn("bob", "tablet")
	newBrowser(t, m).visit(func(s *core.Session) { must(t, count.Set(s, 1)) }) // anonymous
	phone.visit(func(s *core.Session) { must(t, s.RotateID()) })               // leaves a marker

	list := func(user string) (names []string) {
		for s, err := range m.Sessions(ctx, user) {
			must(t, err)
			dev, err := device.Get(s)
			must(t, err)
			names = append(names, dev)
			if s.Subject() != user || s.ID().IsZero() || s.Created().IsZero() || time.Until(s.ExpiresAt()) < time.Hour {
				t.Errorf("view %v: subject %q, created %v, expires %v", s, s.Subject(), s.Created(), s.ExpiresAt())
			}
			for what, err := range map[string]error{
				"Set": device.Set(s, "x"), "Logout": s.Logout(), "Clear": s.Clear(), "Save": s.Save(ctx), "AddFlash": s.AddFlash("a", "b"),
			} {
				if !errors.Is(err, core.ErrReadOnly) {
					t.Errorf("%s on a view: %v", what, err)
				}
			}
		}
		slices.Sort(names)
		return names
	}
	if got := list("alice"); !slices.Equal(got, []string{"laptop", "phone"}) {
		t.Errorf("alice has %q", got)
	}
	if got := list(""); got != nil {
		t.Errorf("nobody has %q", got)
	}
	all := 0
	for _, err := range m.All(ctx) {
		must(t, err)
		all++
	}
	if all != 4 {
		t.Errorf("All yields %d of 4", all)
	}

	// Sign out everywhere else.
	var here core.ID
	laptop.visit(func(s *core.Session) { here = s.ID() })
	if n, err := m.RevokeSubject(ctx, "alice", here); n != 1 || err != nil {
		t.Errorf("RevokeSubject = %d, %v", n, err)
	}
	alive(t, phone, false)
	alive(t, laptop, true)
	alive(t, other, true)
	must(t, m.Revoke(ctx, here))
	must(t, m.Revoke(ctx, here)) // again is fine
	alive(t, laptop, false)
}

func TestStoresWithoutAbilities(t *testing.T) {
	m := newManager(t, core.Config{Store: plain{made.Of(memstore.New(memstore.Config{}))}})
	for _, err := range m.Sessions(ctx, "alice") {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("Sessions: %v", err)
		}
	}
	if _, err := m.RevokeSubject(ctx, "alice"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("RevokeSubject: %v", err)
	}
	for _, err := range m.All(ctx) {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("All: %v", err)
		}
	}
	if n, err := m.Sweep(ctx); n != 0 || err != nil {
		t.Errorf("Sweep = %d, %v", n, err)
	}
	must(t, m.Ping(ctx))
}

// Given sessions of a user of which one is sealed with a key that is not here, when the user's devices are listed,
// then the list ends in ErrUnreadable after all others: it is not whole.
func TestListSaysThatItIsNotWhole(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	one, two := keyring.Generate("k1"), keyring.Generate("k2")
	ring := func(keys ...keyring.Key) *keyring.Keyring {
		r, err := keyring.New(keys[0], keys[1:]...)
		must(t, err)
		return r
	}
	newer := newManager(t, core.Config{Store: store, Keys: ring(two, one)})
	log, lines := logged()
	events := map[core.EventKind]int{}
	older := newManager(t, core.Config{Store: store, Keys: ring(one), Logger: log, Observer: countEvents(events)})
	newBrowser(t, newer).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	for range 2 {
		newBrowser(t, older).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	}
	for what, walk := range map[string]func(func(*core.Session, error) bool){
		"Sessions": older.Sessions(ctx, "alice"), "All": older.All(ctx),
	} {
		n := 0
		var last error
		for _, err := range walk {
			if last = err; err == nil {
				n++
			}
		}
		if n != 2 || !errors.Is(last, core.ErrUnreadable) {
			t.Errorf("%s yields %d of 2, and %v", what, n, last)
		}
	}
	if events[core.EventUnreadable] != 2 || events[core.EventCorrupt] != 0 {
		t.Errorf("events: %v", events)
	}
	if n := lines("WARN", "unreadable") + lines("WARN", "list"); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
	if n, err := older.RevokeSubject(ctx, "alice"); n != 3 || err != nil {
		t.Errorf("RevokeSubject = %d, %v", n, err)
	}
}

// Given a damaged record, when sessions are listed, then it is passed over, with an event and one line in the log.
func TestListPassesOverDamage(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	log, lines := logged()
	events := map[core.EventKind]int{}
	m := newManager(t, core.Config{Store: store, Logger: log, Observer: countEvents(events)})
	newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	bad := newBrowser(t, m)
	var id core.ID
	bad.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	rec, err := store.Load(ctx, id)
	must(t, err)
	rec.Data = append(bytes.Clone(rec.Data), "no more"...)
	must(t, store.Update(ctx, &rec))
	n := 0
	for range 3 {
		for _, err := range m.Sessions(ctx, "alice") {
			must(t, err)
			n++
		}
	}
	if n != 3 || events[core.EventCorrupt] != 3 || lines("WARN", id.String()) != 1 {
		t.Errorf("%d views, %v, %d lines", n, events, lines("WARN", id.String()))
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
	f := &forgetful{Store: made.Of(memstore.New(memstore.Config{})), hides: map[driver.ID]bool{}, says: says}
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
