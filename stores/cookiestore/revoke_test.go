package cookiestore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestRevokedSessionsStayEnded(t *testing.T) {
	// Given two servers with the same keys and revocations, and a session
	keys, revoked := ring(t, keyring.Generate("k1")), made.Of(memstore.New(memstore.Config{}))
	here, there := open(t, keys, cookiestore.RevokeIn(revoked), cookiestore.Config{}), open(t, keys, cookiestore.RevokeIn(revoked), cookiestore.Config{})
	rec := record("data")
	token := seal(t, here, &rec)
	inFlight, err := there.OpenToken(ctx, token, binding)
	if err != nil {
		t.Fatal(err)
	}

	// when it is revoked while a request is in flight
	if err := here.RevokeID(ctx, rec.ID, rec.Expires); err != nil {
		t.Fatal(err)
	}

	// then the token is dead everywhere, and the request cannot bring it back
	if _, err := there.OpenToken(ctx, token, binding); !errors.Is(err, driver.ErrNotFound) {
		t.Error("Open of a revoked session:", err)
	}
	if token, err := there.SealToken(ctx, &inFlight, binding, limit); token != "" || !errors.Is(err, driver.ErrNotFound) {
		t.Error("Seal of a revoked session:", token, err)
	}
	if inFlight.Version != rec.Version {
		t.Error("a failed Seal changed the Version")
	}
	// and other sessions live.
	other := record("other")
	other.ID = driver.ID{7}
	if _, err := there.OpenToken(ctx, seal(t, here, &other), binding); err != nil {
		t.Error("Open of another session:", err)
	}
}

func TestRevokingTwiceKeepsTheLaterDeadline(t *testing.T) {
	for _, order := range [][]time.Duration{{time.Minute, time.Hour}, {time.Hour, time.Minute}} {
		clock := storetest.NewClock()
		revoked := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
		s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(revoked), cookiestore.Config{Now: clock.Now})
		rec := record("data")
		rec.Expires = clock.Now().Add(time.Hour)
		token := seal(t, s, &rec)
		start := clock.Now()
		for _, d := range order {
			if err := s.RevokeID(ctx, rec.ID, start.Add(d)); err != nil && !errors.Is(err, driver.ErrNotFound) {
				t.Fatal(err)
			}
		}
		clock.Advance(time.Hour - time.Second)
		if _, err := s.OpenToken(ctx, token, binding); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("%v: Open = %v", order, err)
		}
	}
}

func TestRevocationsAreSwept(t *testing.T) {
	clock := storetest.NewClock()
	revoked := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(revoked), cookiestore.Config{Now: clock.Now})
	if err := s.RevokeID(ctx, driver.ID{1}, clock.Now()); err != nil {
		t.Fatal("a deadline that has passed:", err)
	}
	if err := s.RevokeID(ctx, driver.ID{2}, clock.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if n, err := s.Sweep(ctx, 10); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v, want the one entry", n, err)
	}
	for _, mode := range []cookiestore.Revocation{cookiestore.NoRevocation(), cookiestore.RevokeIn(&answering{})} {
		if n, err := open(t, ring(t, keyring.Generate("k1")), mode, cookiestore.Config{}).Sweep(ctx, 10); n != 0 || err != nil {
			t.Errorf("Sweep with nothing to sweep = %d, %v", n, err)
		}
	}
}

func TestSessionsMayShareTheRevocationStore(t *testing.T) {
	shared := made.Of(memstore.New(memstore.Config{}))
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(shared), cookiestore.Config{})
	rec := record("data")
	if err := shared.Create(ctx, &driver.Record{ID: rec.ID, Expires: rec.Expires}); err != nil {
		t.Fatal(err)
	}
	token := seal(t, s, &rec)
	if _, err := s.OpenToken(ctx, token, binding); err != nil {
		t.Error("a server-side session under the same ID counts as a revocation:", err)
	}
	if err := s.RevokeID(ctx, rec.ID, rec.Expires); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Load(ctx, rec.ID); err != nil {
		t.Error("the revocation touched the session under the same ID:", err)
	}
}

func TestNoRevocationDoesNotClaimToRevoke(t *testing.T) {
	s := simple(t)
	rec := record("data")
	token := seal(t, s, &rec)
	if err := s.RevokeID(ctx, rec.ID, rec.Expires); !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, driver.ErrUnavailable) {
		t.Error("Revoke =", err)
	}
	if _, err := s.OpenToken(ctx, token, binding); err != nil {
		t.Error(err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
}

// answering is a store of revoked sessions whose calls all return rec and err.
type answering struct {
	driver.Store
	rec driver.Record
	err error
}

func (a *answering) Info() driver.Info                                      { return driver.Info{Name: "answering"} }
func (a *answering) Load(context.Context, driver.ID) (driver.Record, error) { return a.rec, a.err }
func (a *answering) Create(context.Context, *driver.Record) error           { return a.err }

func TestWhenTheRevocationStoreFails(t *testing.T) {
	keys := ring(t, keyring.Generate("k1"))
	rec := record("data")
	token := seal(t, open(t, keys, cookiestore.NoRevocation(), cookiestore.Config{}), &rec)
	cause := errors.New("connection refused")
	for name, c := range map[string]struct {
		store *answering
		want  error
	}{
		"unavailable":          {&answering{err: driver.Unavailable("answering: load", cause)}, driver.ErrUnavailable},
		"error of its own":     {&answering{err: cause}, driver.ErrUnavailable},
		"context":              {&answering{err: driver.Unavailable("answering", context.DeadlineExceeded)}, driver.ErrUnavailable},
		"another ID's record":  {&answering{rec: driver.Record{ID: driver.ID{9}}}, driver.ErrUnavailable},
		"a record that is bad": {&answering{err: driver.Corrupt("answering")}, driver.ErrNotFound},
		"a newer record":       {&answering{err: driver.Unreadable("answering")}, driver.ErrNotFound},
	} {
		s := open(t, keys, cookiestore.RevokeIn(c.store), cookiestore.Config{})
		_, opened := s.OpenToken(ctx, token, binding)
		_, sealed := s.SealToken(ctx, &rec, binding, limit)
		for call, err := range map[string]error{"Open": opened, "Seal": sealed} {
			if !errors.Is(err, c.want) || errors.Is(err, driver.ErrCorrupt) || c.want != driver.ErrNotFound && errors.Is(err, driver.ErrNotFound) {
				t.Errorf("%s: %s = %v", name, call, err)
			}
			if errors.Is(c.store.err, cause) && !errors.Is(err, cause) {
				t.Errorf("%s: %s hides the cause: %v", name, call, err)
			}
		}
		if c.store.err != nil {
			if err := s.RevokeID(ctx, rec.ID, rec.Expires); !errors.Is(err, driver.ErrUnavailable) {
				t.Errorf("%s: Revoke = %v", name, err)
			}
		}
		if err := s.Ping(ctx); err == nil {
			t.Errorf("%s: Ping says that all is well", name)
		}
		fresh := record("data")
		fresh.Subject = ""
		if _, err := s.SealToken(ctx, &fresh, binding, limit); err != nil {
			t.Errorf("%s: a visitor's new session cannot have been revoked, yet Seal = %v", name, err)
		}
	}
}

// forgetful is a store whose entry disappears between Create and Touch.
type forgetful struct{ answering }

func (*forgetful) Create(context.Context, *driver.Record) error { return driver.ErrExists }
func (*forgetful) Touch(context.Context, driver.ID, uint64, time.Time, time.Time) error {
	return driver.ErrNotFound
}

func TestRevokeSaysWhenItDidNotHappen(t *testing.T) {
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(&forgetful{}), cookiestore.Config{})
	if err := s.RevokeID(ctx, driver.ID{1}, time.Now().Add(time.Hour)); !errors.Is(err, driver.ErrUnavailable) {
		t.Error("Revoke =", err)
	}
}

// wrapper has the abilities of the store inside, and Pinger and Reloader of its own.
type wrapper struct {
	driver.Store
	inside     driver.Store
	ping, load error
}

func (w *wrapper) Abilities() driver.Abilities {
	a := driver.AbilitiesOf(w.inside)
	a.Pinger, a.Reloader = w, w
	return a
}

func (w *wrapper) Ping(context.Context) error { return w.ping }

func (w *wrapper) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if w.load != nil {
		return driver.Record{}, w.load
	}
	return w.Store.Load(ctx, id)
}

func (w *wrapper) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	return w.Store.Load(ctx, id)
}

func TestAWrappedRevocationStore(t *testing.T) {
	// Given revocations in a store that has a method Abilities, and whose Load does not know the newest ones
	clock := storetest.NewClock()
	memory := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	down := errors.New("down")
	w := &wrapper{Store: memory, inside: memory, ping: down, load: driver.ErrNotFound}
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(w), cookiestore.Config{Now: clock.Now})

	// then Revoke reads past it,
	until := clock.Now().Add(time.Hour)
	if err := s.RevokeID(ctx, driver.ID{1}, until); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeID(ctx, driver.ID{1}, until.Add(time.Hour)); !errors.Is(err, driver.ErrNotFound) {
		t.Error("the second Revoke =", err)
	}
	// and Ping and Sweep find the abilities.
	if err := s.Ping(ctx); err != down {
		t.Error("Ping =", err)
	}
	clock.Advance(2 * time.Hour)
	if n, err := s.Sweep(ctx, 10); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v, want the one entry", n, err)
	}
}

// The entries of sessions in one namespace are spread over a store. They share no namespace with each other or with the
// sessions.
func TestEntryIDs(t *testing.T) {
	memory := made.Of(memstore.New(memstore.Config{}))
	s := open(t, ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(memory), cookiestore.Config{})
	namespace := driver.ID{16: 7, 31: 7}
	firsts, lasts := map[byte]bool{}, map[[16]byte]bool{[16]byte(namespace[16:]): true}
	const sessions = 64
	for i := range sessions {
		id := namespace
		id[15] = byte(i)
		if err := s.RevokeID(ctx, id, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	for entry, err := range memory.All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		firsts[entry.ID[0]] = true
		lasts[[16]byte(entry.ID[16:])] = true
		if entry.Used.IsZero() || !entry.Used.Equal(entry.Created) {
			t.Errorf("an entry of %v was used at %v", entry.Created, entry.Used)
		}
	}
	if len(lasts) != 1+sessions {
		t.Errorf("%d sessions and their namespace have %d namespaces", sessions, len(lasts))
	}
	if len(firsts) < sessions/2 {
		t.Errorf("%d entries have %d first bytes", sessions, len(firsts))
	}
}

func TestRevokeInAStoreThatFailedToOpen(t *testing.T) {
	var none *memstore.Store
	s, err := cookiestore.New(ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(none), cookiestore.Config{})
	if s != nil || err == nil || !strings.Contains(err.Error(), "RevokeIn") {
		t.Errorf("New = %v, %v, want an error about RevokeIn", s, err)
	}
}
