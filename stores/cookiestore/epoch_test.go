package cookiestore_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// site is two servers with the same keys and revocations. Each has a clock of its own.
type site struct {
	here, there   *cookiestore.Store
	revoked       *memstore.Store
	hereT, thereT *storetest.Clock
}

func newSite(tb testing.TB) *site {
	tb.Helper()
	s := &site{hereT: storetest.NewClock(), thereT: storetest.NewClock()}
	s.revoked = made.Of(memstore.New(memstore.Config{Now: s.hereT.Now}))
	keys := ring(tb, keyring.Generate("k1"))
	s.here = open(tb, keys, cookiestore.RevokeIn(s.revoked), cookiestore.Config{Now: s.hereT.Now})
	s.there = open(tb, keys, cookiestore.RevokeIn(s.revoked), cookiestore.Config{Now: s.thereT.Now})
	return s
}

// session begins a session and returns its token.
func (s *site) session(tb testing.TB, id byte, subject string) string {
	tb.Helper()
	rec := s.record(id, subject)
	return seal(tb, s.here, &rec)
}

func (s *site) record(id byte, subject string) driver.Record {
	now := s.hereT.Now().Truncate(time.Microsecond)
	return driver.Record{ID: driver.ID{id, 31: 9}, Subject: subject, Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte("data")}
}

func (s *site) revoke(tb testing.TB, at *cookiestore.Store, subject string, except ...driver.ID) {
	tb.Helper()
	if err := at.RevokeSubject(ctx, binding, subject, s.hereT.Now().Add(time.Hour), except); err != nil {
		tb.Fatal(err)
	}
}

// want checks whether a token opens on both servers.
func (s *site) want(tb testing.TB, what, token string, alive bool) {
	tb.Helper()
	for _, at := range []*cookiestore.Store{s.here, s.there} {
		if _, err := at.OpenToken(ctx, token, binding); (err == nil) != alive || err != nil && !errors.Is(err, driver.ErrNotFound) {
			tb.Errorf("%s: alive = %v, want %v: %v", what, err == nil, alive, err)
		}
	}
}

func opened(tb testing.TB, s *cookiestore.Store, token string) driver.Record {
	tb.Helper()
	rec, err := s.OpenToken(ctx, token, binding)
	if err != nil {
		tb.Fatal(err)
	}
	return rec
}

func TestRevokeSubject(t *testing.T) {
	s := newSite(t)
	phone, laptop, bob, visitor := s.session(t, 1, "alice"), s.session(t, 2, "alice"), s.session(t, 3, "bob"), s.session(t, 4, "")
	rec := s.record(5, "alice")
	staff, err := s.here.SealToken(ctx, &rec, []byte("staff"), limit)
	if err != nil {
		t.Fatal(err)
	}
	s.revoke(t, s.here, "alice")
	s.revoke(t, s.here, "")
	s.want(t, "alice's phone", phone, false)
	s.want(t, "alice's laptop", laptop, false)
	s.want(t, "bob", bob, true)
	s.want(t, "a visitor", visitor, true)
	if _, err := s.there.OpenToken(ctx, staff, []byte("staff")); err != nil {
		t.Error("a user of the same name in another namespace:", err)
	}
	again := s.session(t, 6, "alice")
	s.want(t, "who signs in afterwards", again, true)
	s.revoke(t, s.there, "alice")
	s.want(t, "and is revoked once more", again, false)
}

// What was opened before RevokeSubject does not outlive it: neither its next token, nor one with another ID, nor one
// that SealToken was making when RevokeSubject came.
func TestRevokeSubjectAgainstRequestsUnderWay(t *testing.T) {
	s := newSite(t)
	token := s.session(t, 1, "alice")
	rec := opened(t, s.there, token)
	next := s.record(2, "alice")
	next.Epoch = rec.Epoch
	s.revoke(t, s.here, "alice", next.ID) // no exception helps a session that follows from one that has ended
	for what, rec := range map[string]driver.Record{"the same session": rec, "another ID": next} {
		before := rec
		if rec.ID == next.ID {
			rec.ID = driver.ID{3}
			before.ID = rec.ID
		}
		if token, err := s.there.SealToken(ctx, &rec, binding, limit); token != "" || !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("%s: SealToken = %q, %v", what, token, err)
		}
		if !reflect.DeepEqual(rec, before) {
			t.Errorf("%s: a SealToken that failed left %+v of %+v", what, rec, before)
		}
	}

	// RevokeSubject comes after SealToken has asked for the epoch, and before it seals.
	for what, begins := range map[string]bool{"a sign-in": true, "the same session": false} {
		fault := storetest.NewFault(s.revoked)
		slow := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(fault.Store()), cookiestore.Config{Now: s.hereT.Now})
		rec := s.record(4, "alice")
		if !begins {
			rec = opened(t, slow, seal(t, slow, &rec))
		}
		loads := 0
		fault.After(func(c storetest.Call) error {
			if loads++; begins == (loads == 1) {
				s.revoke(t, s.here, "alice")
			}
			return nil
		})
		token, err := slow.SealToken(ctx, &rec, binding, limit)
		if err != nil {
			t.Fatal(what, err)
		}
		fault.Reset()
		if _, err := slow.OpenToken(ctx, token, binding); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("%s escapes: %v", what, err)
		}
	}
}

func TestExceptedSessions(t *testing.T) {
	s := newSite(t)
	phone, laptop, tablet := s.session(t, 1, "alice"), s.session(t, 2, "alice"), s.session(t, 3, "alice")
	idPhone, idLaptop, idTablet := driver.ID{1, 31: 9}, driver.ID{2, 31: 9}, driver.ID{3, 31: 9}
	inFlight := opened(t, s.there, laptop)
	s.revoke(t, s.here, "alice", idLaptop, idTablet)
	s.want(t, "the phone", phone, false)
	s.want(t, "the laptop", laptop, true)
	s.want(t, "the tablet", tablet, true)

	// What follows from an excepted one needs no exception: the next token, also of a request that was under way, and
	// one with another ID.
	next := seal(t, s.there, &inFlight)
	rotated := s.record(4, "alice")
	rotated.Epoch = opened(t, s.there, laptop).Epoch
	other := seal(t, s.here, &rotated)
	s.revoke(t, s.there, "alice", idTablet, idPhone) // the tablet is excepted once more
	s.want(t, "the laptop's next token", next, false)
	s.want(t, "the laptop's next ID", other, false)
	s.want(t, "the laptop", laptop, false)
	s.want(t, "the tablet, excepted twice", tablet, true)
	s.want(t, "the phone, ended before it was excepted", phone, false)

	again := s.session(t, 5, "alice")
	s.revoke(t, s.here, "alice", idPhone, idLaptop, idTablet, driver.ID{5, 31: 9})
	for what, token := range map[string]string{"phone": phone, "laptop": laptop, "next": next} {
		s.want(t, what+", ended before it was excepted", token, false)
	}
	s.want(t, "the tablet, excepted three times", tablet, true)
	s.want(t, "who signed in meanwhile", again, true)
}

// The number of an epoch is greater than every one before, whatever a clock says, and also if the store has lost the
// one before.
func TestEpochsGrow(t *testing.T) {
	s := newSite(t)
	s.revoke(t, s.here, "alice")
	for range 3 {
		token := s.session(t, 2, "alice")
		s.thereT.Advance(-time.Minute)
		s.revoke(t, s.there, "alice")
		s.want(t, "with a clock that is behind", token, false)
	}
	token := s.session(t, 3, "alice")
	for entry := range s.revoked.All(ctx) {
		if err := s.revoked.Delete(ctx, entry.ID); err != nil {
			t.Fatal(err)
		}
	}
	s.want(t, "a session of the present epoch, which the store has lost", token, true)
	s.hereT.Advance(time.Second)
	s.revoke(t, s.here, "alice")
	s.want(t, "revoked after the loss", token, false)
	s.want(t, "who signs in after that", s.session(t, 4, "alice"), true)
}

func TestRevokeSubjectAtOnce(t *testing.T) {
	s := newSite(t)
	var calls sync.WaitGroup
	var tokens [30]string
	for i := range tokens {
		tokens[i] = s.session(t, byte(i), "alice")
	}
	for i := range tokens {
		at := []*cookiestore.Store{s.here, s.there}[i%2]
		calls.Go(func() {
			if err := at.RevokeSubject(ctx, binding, "alice", s.hereT.Now().Add(time.Hour), []driver.ID{{byte(i), 31: 9}}); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	alive := 0
	for _, token := range tokens {
		if _, err := s.here.OpenToken(ctx, token, binding); err == nil {
			alive++
		}
	}
	if alive > 0 { // each was ended by the others, and the last one by the one before
		t.Errorf("%d of %d sessions that each signed out all others are alive", alive, len(tokens))
	}
}

// An epoch is kept until no token of an earlier one can be alive, whichever call says so. The token is of a server
// whose clock is five minutes ahead.
func TestEpochsAreKeptAndSwept(t *testing.T) {
	s := newSite(t)
	rec := s.record(1, "alice")
	rec.Expires = rec.Created.Add(24*time.Hour + 5*time.Minute)
	token := seal(t, s.here, &rec)
	for _, life := range []time.Duration{24 * time.Hour, time.Minute} {
		if err := s.here.RevokeSubject(ctx, binding, "alice", s.hereT.Now().Add(life), nil); err != nil {
			t.Fatal(err)
		}
	}
	s.hereT.Advance(24*time.Hour + 4*time.Minute)
	s.want(t, "at the end of its life", token, false)
	s.hereT.Advance(2 * time.Hour)
	if n, err := s.here.Sweep(ctx, 10); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v, want the one epoch", n, err)
	}
}

// epochs is a store of revoked sessions that has no IDs, and answers rec and err when asked for an epoch.
type epochs struct {
	*memstore.Store
	rec   driver.Record
	err   error
	loads int
}

func (e *epochs) Load(_ context.Context, id driver.ID) (driver.Record, error) {
	if e.loads++; e.loads%2 == 1 {
		return driver.Record{}, driver.ErrNotFound
	}
	if e.err == nil && e.rec.ID.IsZero() {
		e.rec.ID = id
	}
	return e.rec, e.err
}

// Whatever keeps the store from telling the epoch, nobody is let in, and nobody is told that the session has ended.
func TestWhenTheEpochCannotBeRead(t *testing.T) {
	keys := ring(t, keyring.Generate("k1"))
	rec := record("data")
	token := seal(t, open(t, keys, cookiestore.NoRevocation(), cookiestore.Config{}), &rec)
	cause := errors.New("connection refused")
	for name, store := range map[string]*epochs{
		"unavailable":          {err: driver.Unavailable("answering: load", cause)},
		"error of its own":     {err: cause},
		"another ID's record":  {rec: driver.Record{ID: driver.ID{9}, Data: []byte{1, 2}}},
		"a record that is bad": {err: driver.Corrupt("answering")},
		"a newer record":       {err: driver.Unreadable("answering")},
		"a damaged epoch":      {rec: driver.Record{Data: []byte{1}}},
		"an empty epoch":       {},
		"a newer epoch":        {rec: driver.Record{Data: []byte{2, 1, 2, 3}}},
	} {
		store.Store = made.Of(memstore.New(memstore.Config{}))
		s := open(t, keys, cookiestore.RevokeIn(store), cookiestore.Config{})
		_, opened := s.OpenToken(ctx, token, binding)
		_, sealed := s.SealToken(ctx, &rec, binding, limit)
		fresh := record("data")
		store.loads++ // a new session has no ID to ask for
		_, begun := s.SealToken(ctx, &fresh, binding, limit)
		for call, err := range map[string]error{"Open": opened, "Seal": sealed, "Seal of a sign-in": begun} {
			if !errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrCorrupt) || errors.Is(err, driver.ErrUnreadable) {
				t.Errorf("%s: %s = %v", name, call, err)
			}
			if errors.Is(store.err, cause) && !errors.Is(err, cause) {
				t.Errorf("%s: %s hides the cause: %v", name, call, err)
			}
		}
		visitor := record("data")
		visitor.Subject = ""
		store.loads = 0
		if _, err := s.SealToken(ctx, &visitor, binding, limit); err != nil || store.loads > 0 {
			t.Errorf("%s: a visitor: %v, after %d questions", name, err, store.loads)
		}
	}
}

// A damaged epoch keeps its user out until RevokeSubject puts another in its place. One of a newer release stays.
func TestRevokeSubjectOverWhatItCannotRead(t *testing.T) {
	s := newSite(t)
	s.revoke(t, s.here, "alice")
	token := s.session(t, 1, "alice")
	var entry driver.Record
	for rec := range s.revoked.All(ctx) {
		entry = rec
	}
	write := func(data ...byte) {
		t.Helper()
		entry.Data = data
		if err := s.revoked.Update(ctx, &entry); err != nil {
			t.Fatal(err)
		}
	}
	write(2, 7)
	err := s.there.RevokeSubject(ctx, binding, "alice", s.hereT.Now().Add(time.Hour), nil)
	if !errors.Is(err, driver.ErrUnreadable) || errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("a newer epoch: %v", err)
	}
	if now, err := s.revoked.Load(ctx, entry.ID); err != nil || now.Version != entry.Version {
		t.Errorf("a newer epoch was changed: %+v, %v", now, err)
	}
	write(1, 0)
	s.hereT.Advance(time.Second)
	s.revoke(t, s.here, "alice", driver.ID{1, 31: 9})
	s.want(t, "from before the damage", token, false)
	s.want(t, "who signs in afterwards", s.session(t, 2, "alice"), true)
}

func TestRevokeSubjectThatFails(t *testing.T) {
	for method, want := range map[string]error{"Load": driver.ErrUnavailable, "Create": driver.ErrUnavailable, "Update": driver.ErrUnavailable} {
		s := newSite(t)
		fault := storetest.NewFault(s.revoked)
		broken := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(fault.Store()), cookiestore.Config{Now: s.hereT.Now})
		if method == "Update" {
			s.revoke(t, s.here, "alice")
		}
		fault.Before(storetest.On(method))
		err := broken.RevokeSubject(ctx, binding, "alice", s.hereT.Now().Add(time.Hour), nil)
		if !errors.Is(err, want) || !errors.Is(err, storetest.ErrInjected) {
			t.Errorf("%s fails: %v", method, err)
		}
	}
	// A store whose records are always changed by others, and one that has no room.
	for want, answer := range map[error]error{driver.ErrConflict: driver.ErrExists, driver.ErrTooLarge: driver.ErrTooLarge} {
		s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(refusing{made.Of(memstore.New(memstore.Config{})), answer}), cookiestore.Config{})
		err := s.RevokeSubject(ctx, binding, "alice", time.Now().Add(time.Hour), nil)
		if !errors.Is(err, want) || errors.Is(err, driver.ErrUnavailable) {
			t.Errorf("%v: %v", answer, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(refusing{made.Of(memstore.New(memstore.Config{})), driver.ErrExists}), cookiestore.Config{})
	if err := s.RevokeSubject(ended, binding, "alice", time.Now().Add(time.Hour), nil); !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

type refusing struct {
	*memstore.Store
	err error
}

func (r refusing) Create(context.Context, *driver.Record) error { return r.err }

// A sign-in asks past the cache: with an epoch that has ended, its token would be dead at once. A token of a later
// epoch than the cache knows of is good.
func TestEpochsBehindACache(t *testing.T) {
	s := newSite(t)
	w := &wrapper{Store: s.revoked, inside: s.revoked, load: driver.ErrNotFound}
	keys := ring(t, keyring.Generate("k1"))
	fresh := open(t, keys, cookiestore.RevokeIn(s.revoked), cookiestore.Config{Now: s.hereT.Now})
	cached := open(t, keys, cookiestore.RevokeIn(w), cookiestore.Config{Now: s.hereT.Now})
	before := s.record(1, "alice")
	token := seal(t, fresh, &before)
	s.revoke(t, fresh, "alice")
	rec := s.record(2, "alice")
	signedIn := seal(t, cached, &rec)
	again := opened(t, cached, signedIn)
	for what, token := range map[string]string{"the sign-in": signedIn, "its next token": seal(t, cached, &again)} {
		if _, err := fresh.OpenToken(ctx, token, binding); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The cache does not know yet that the other session has ended. What it seals has ended all the same.
	old := opened(t, cached, token)
	if _, err := fresh.OpenToken(ctx, seal(t, cached, &old), binding); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("what a node with an old cache sealed: %v", err)
	}
	s.revoke(t, cached, "alice") // reads past the cache, too
	if _, err := fresh.OpenToken(ctx, signedIn, binding); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("revoked on a node with an old cache: %v", err)
	}
}

// A user's token costs one question more than a visitor's, and a visitor's none more than its ID's.
func TestQuestions(t *testing.T) {
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(fault.Store()), cookiestore.Config{})
	asked := func(what string, want int, call func() error) {
		t.Helper()
		fault.Reset()
		if err := call(); err != nil {
			t.Fatal(what, err)
		}
		if got := fmt.Sprint(fault.Calls()); got != fmt.Sprint(map[string]int{"Load": want}) && (want > 0 || got != "map[]") {
			t.Errorf("%s: %v, want %d questions", what, got, want)
		}
	}
	for subject, more := range map[string]int{"": 0, "alice": 1} {
		for range 2 { // before and after RevokeSubject
			var token string
			rec := record("data")
			rec.Subject = subject
			asked(subject+": the first token", more, func() (err error) { token, err = s.SealToken(ctx, &rec, binding, limit); return err })
			asked(subject+": a token is opened", 1+more, func() (err error) { rec, err = s.OpenToken(ctx, token, binding); return err })
			asked(subject+": the next token", 1+more, func() (err error) { _, err = s.SealToken(ctx, &rec, binding, limit); return err })
			if err := s.RevokeSubject(ctx, binding, subject, time.Now().Add(time.Hour), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The golden tokens, and those sealed while NoRevocation was chosen, belong to the first epoch.
func TestTokensOfTheFirstEpoch(t *testing.T) {
	c := golden(t)[1]
	keys := made.Of(keyring.Parse(c.Keys))
	clock := storetest.NewClock()
	clock.Advance(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Sub(clock.Now()))
	none := open(t, keys, cookiestore.NoRevocation(), cookiestore.Config{Now: clock.Now})
	s := open(t, keys, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{Now: clock.Now}))), cookiestore.Config{Now: clock.Now})
	until := clock.Now().Add(time.Hour)
	if err := none.RevokeSubject(ctx, []byte(c.Binding), c.Record.Subject, until, nil); !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, driver.ErrUnavailable) {
		t.Error("with NoRevocation:", err)
	}
	rec := c.Record
	rec.ID, rec.Version, rec.Epoch = driver.ID{7}, 0, 0
	young, err := none.SealToken(ctx, &rec, []byte(c.Binding), limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, alive := range []bool{true, false} {
		for what, token := range map[string]string{"golden": c.Token, "of NoRevocation": young} {
			if _, err := s.OpenToken(ctx, token, []byte(c.Binding)); (err == nil) != alive {
				t.Errorf("%s: alive = %v, want %v: %v", what, err == nil, alive, err)
			}
		}
		if err := s.RevokeSubject(ctx, []byte(c.Binding), c.Record.Subject, until, nil); err != nil {
			t.Fatal(err)
		}
	}
}
