package crossingstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestAbilitiesFollowTheStores(t *testing.T) {
	full, none := newMemory(), plain{newMemory()}
	both := driver.AbilitiesOf(open(t, full, newMemory(), crossingstore.Config{}))
	if both.Lister == nil || both.Indexer == nil || both.Limiter == nil || both.Sweeper == nil || both.Reloader != nil || both.Counter != nil || both.Successor != nil {
		t.Errorf("%+v", both)
	}
	for _, can := range []driver.Abilities{driver.AbilitiesOf(open(t, full, none, crossingstore.Config{})), driver.AbilitiesOf(open(t, none, full, crossingstore.Config{}))} {
		if can.Lister != nil || can.Indexer != nil || can.Limiter != nil || can.Sweeper == nil || can.Pinger == nil || can.Closer == nil {
			t.Errorf("%+v", can)
		}
	}
}

// TestListsDuringMove: no session is missed or shown twice, while all of them move.
func TestListsDuringMove(t *testing.T) {
	to, from := newMemory(), newMemory()
	s := open(t, to, from, crossingstore.Config{})
	fill(t, from, 300)
	moved := make(chan error, 1)
	first := true
	seen := ids(t, func(yield func(driver.Record, error) bool) {
		for rec, err := range driver.AbilitiesOf(s).Indexer.BySubject(t.Context(), "alice") {
			if first {
				first = false
				go func() { _, err := s.Move(t.Context(), crossingstore.MoveOptions{}); moved <- err }()
			}
			if !yield(rec, err) {
				return
			}
		}
	})
	must(t, <-moved)
	if len(seen) != 300 {
		t.Errorf("%d are shown", len(seen))
	}
	if seen := ids(t, driver.AbilitiesOf(s).Lister.All(t.Context())); len(seen) != 300 {
		t.Errorf("%d are shown afterwards", len(seen))
	}
}

// TestListedVersionMatchesNothing: a write of the version that a list shows from the old store conflicts, even if the
// new store happens to have that number, too.
func TestListedVersionMatchesNothing(t *testing.T) {
	to, from := newMemory(), newMemory()
	s := open(t, to, from, crossingstore.Config{})
	rec := record(1)
	must(t, from.Create(t.Context(), rec))
	must(t, from.Update(t.Context(), rec)) // version 2, which the take-over will have, too
	for listed, err := range driver.AbilitiesOf(s).Lister.All(t.Context()) {
		must(t, err)
		exact := listed
		exact.Exact = true
		wantError(t, s.Update(t.Context(), &exact), driver.ErrConflict) // and has not lost the session
		now, err := s.Load(t.Context(), rec.ID)
		must(t, err)
		if now.Version != rec.Version {
			t.Fatalf("the test needs equal versions, not %d and %d", now.Version, rec.Version)
		}
		wantError(t, s.Touch(t.Context(), rec.ID, listed.Version, listed.Used, listed.Expires), driver.ErrConflict)
		listed.Exact = true
		wantError(t, s.Update(t.Context(), &listed), driver.ErrConflict)
	}
}

// TestLimitOverBothStores: sessions that are still in the old store count, and those that go do not come back.
func TestLimitOverBothStores(t *testing.T) {
	to, from := newMemory(), newMemory()
	s := open(t, to, from, crossingstore.Config{})
	limiter := driver.AbilitiesOf(s).Limiter
	var recs []*driver.Record
	for i := range 3 {
		rec := record(i)
		rec.Created = rec.Created.Add(time.Duration(i) * time.Millisecond)
		rec.Data = []byte("\x01\x00 a session")
		must(t, from.Create(t.Context(), rec))
		recs = append(recs, rec)
	}
	stuck := storetest.NewFault(from)
	stuck.Before(storetest.On("Delete"))
	_, err := open(t, to, stuck.Store(), crossingstore.Config{}).Load(t.Context(), recs[0].ID) // its copy stays
	must(t, err)
	next := record(9)
	_, err = limiter.CreateLimited(t.Context(), next, driver.Limit{Most: 3, Refuse: true})
	wantError(t, err, driver.ErrLimit)
	removed, err := limiter.CreateLimited(t.Context(), next, driver.Limit{Most: 3})
	must(t, err)
	if len(removed) != 1 || removed[0] != recs[0].ID {
		t.Errorf("removed %v", removed)
	}
	_, err = s.Load(t.Context(), recs[0].ID)
	wantError(t, err, driver.ErrNotFound)
	if n := len(ids(t, driver.AbilitiesOf(s).Lister.All(t.Context()))); n != 3 {
		t.Errorf("%d sessions", n)
	}
}

// TestSweepsBoth: a result below the limit means that both stores are done.
func TestSweepsBoth(t *testing.T) {
	clock := storetest.NewClock()
	to, from := made.Of(memstore.New(memstore.Config{Now: clock.Now})), made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	fill(t, to, 7)
	fill(t, from, 7)
	clock.Advance(2 * time.Hour)
	sweeper := driver.AbilitiesOf(open(t, to, from, crossingstore.Config{Now: clock.Now})).Sweeper
	for _, want := range []int{5, 5, 4} {
		n, err := sweeper.Sweep(t.Context(), 5)
		must(t, err)
		if n != want {
			t.Errorf("swept %d, want %d", n, want)
		}
	}
	if to.Len()+from.Len() != 0 {
		t.Errorf("%d and %d are left", to.Len(), from.Len())
	}
}

// cached is a store whose Load may be old, and whose Reload is not.
type cached struct {
	*memstore.Store
	cache map[driver.ID]driver.Record
}

func (c cached) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if rec, ok := c.cache[id]; ok {
		return rec, nil
	}
	rec, err := c.Reload(ctx, id)
	return rec, err
}

func (c cached) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	rec, err := c.Store.Load(ctx, id)
	if delete(c.cache, id); err == nil {
		c.cache[id] = rec
	}
	return rec, err
}

// Watch tells of nothing.
func (c cached) Watch(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error) {
	rec, err := c.Load(ctx, id)
	if err != nil {
		return rec, nil, err
	}
	return rec, func() {}, nil
}

// TestStaleReads: neither a cached reservation nor a cached copy in the old store is taken for the session.
func TestStaleReads(t *testing.T) {
	to, from := newMemory(), newMemory()
	rec := record(1)
	must(t, from.Create(t.Context(), rec))
	a := cached{to, map[driver.ID]driver.Record{}}
	b := cached{from, map[driver.ID]driver.Record{}}
	s := open(t, a, b, crossingstore.Config{})
	a.cache[rec.ID] = driver.Record{ID: rec.ID, Version: 1, Expires: rec.Expires, Data: []byte(reservation)}
	_, err := open(t, to, from, crossingstore.Config{}).Load(t.Context(), rec.ID)
	must(t, err)
	b.cache[rec.ID] = *rec // as before
	got, err := s.Load(t.Context(), rec.ID)
	must(t, err)
	if !equal(&got, rec) {
		t.Errorf("%+v", got)
	}
	must(t, open(t, to, from, crossingstore.Config{}).Delete(t.Context(), rec.ID))
	a.cache[rec.ID], b.cache[rec.ID] = got, *rec
	if _, err := driver.AbilitiesOf(s).Reloader.Reload(t.Context(), rec.ID); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("Reload: %v", err)
	}
	if _, err := s.Load(t.Context(), rec.ID); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("Load: %v", err)
	}
}

// TestWatchTakesOver: what is watched is the record in the new store.
func TestWatchTakesOver(t *testing.T) {
	to, from := newMemory(), newMemory()
	rec := fill(t, from, 1)[0]
	s := open(t, cached{to, map[driver.ID]driver.Record{}}, from, crossingstore.Config{})
	got, stop, err := driver.AbilitiesOf(s).Watcher.Watch(t.Context(), rec.ID, func() {})
	must(t, err)
	stop()
	if !equal(&got, rec) {
		t.Errorf("%+v", got)
	}
	_, stop, err = driver.AbilitiesOf(s).Watcher.Watch(t.Context(), driver.ID{9}, func() {})
	if wantError(t, err, driver.ErrNotFound); stop != nil {
		t.Error("stop with an error")
	}
}
