package crossingstore_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// memories is two stores in memory on one clock.
func memories() (h storetest.Harness, config crossingstore.Config, stores func() (to, from driver.Store)) {
	h.Clock = storetest.NewClock()
	now := h.Clock.Now
	return h, crossingstore.Config{Now: now}, func() (to, from driver.Store) {
		return made.Of(memstore.New(memstore.Config{Now: now})), made.Of(memstore.New(memstore.Config{Now: now}))
	}
}

func TestStore(t *testing.T) {
	h, config, stores := memories()
	h.New = func(testing.TB) func(testing.TB) driver.Store {
		to, from := stores()
		return func(tb testing.TB) driver.Store { return open(tb, to, from, config) }
	}
	storetest.Run(t, h)
}

func the(store driver.Store) func(testing.TB) driver.Store {
	return func(testing.TB) driver.Store { return store }
}

// TestStoreWithOldRecords is the whole suite with records that are all taken over.
func TestStoreWithOldRecords(t *testing.T) {
	h, config, stores := memories()
	h.New = func(tb testing.TB) func(testing.TB) driver.Store {
		to, from := stores()
		return newBegan(the(to), the(from), config)
	}
	storetest.Run(t, h)
}

// TestOverFiles: both have a format of their own, and calls that wait.
func TestOverFiles(t *testing.T) {
	t.Parallel()
	var dir string
	storetest.Run(t, storetest.Harness{
		New: func(tb testing.TB) func(testing.TB) driver.Store {
			dir = made.MemoryDir(tb)
			return func(tb testing.TB) driver.Store {
				return open(tb, openFiles(tb, filepath.Join(dir, "new")), openFiles(tb, filepath.Join(dir, "old")), crossingstore.Config{})
			}
		},
		Newer: func(tb testing.TB, id driver.ID) func() {
			setFormat(tb, filepath.Join(dir, "new"), id, 2)
			return func() { setFormat(tb, filepath.Join(dir, "new"), id, 1) }
		},
		Damage: func(tb testing.TB, id driver.ID) { setFormat(tb, filepath.Join(dir, "new"), id, 0) },
	})
}

// TestOldFiles is TestOverFiles with records that are all taken over, into memory.
func TestOldFiles(t *testing.T) {
	t.Parallel()
	var dir string
	storetest.Run(t, storetest.Harness{
		New: func(tb testing.TB) func(testing.TB) driver.Store {
			dir = filepath.Join(made.MemoryDir(tb), "old")
			files := func(tb testing.TB) driver.Store { return openFiles(tb, dir) }
			return newBegan(the(newMemory()), files, crossingstore.Config{})
		},
	})
}

// TestOldRecordsOfANewerFormat: they answer as in one store, and stay where they are.
func TestOldRecordsOfANewerFormat(t *testing.T) {
	dir := filepath.Join(made.MemoryDir(t), "old")
	from, to := openFiles(t, dir), newMemory()
	s := open(t, to, from, crossingstore.Config{})
	rec := record(1)
	must(t, from.Create(t.Context(), rec))
	setFormat(t, dir, rec.ID, 2)
	for range 2 {
		_, err := s.Load(t.Context(), rec.ID)
		wantError(t, err, driver.ErrUnreadable)
		given := *rec
		wantError(t, s.Create(t.Context(), &given), driver.ErrExists)
		given.Version |= 1 << 63 // as a list would have shown it
		wantError(t, s.Update(t.Context(), &given), driver.ErrUnreadable)
		wantError(t, s.Touch(t.Context(), rec.ID, given.Version, rec.Used, rec.Expires), driver.ErrUnreadable)
	}
	setFormat(t, dir, rec.ID, 1)
	_, err := s.Load(t.Context(), rec.ID)
	must(t, err)
	other := record(2)
	must(t, from.Create(t.Context(), other))
	setFormat(t, dir, other.ID, 2)
	must(t, s.Delete(t.Context(), other.ID))
	_, err = s.Load(t.Context(), other.ID)
	wantError(t, err, driver.ErrNotFound)
}

// TestKeepsAllFields: what is taken over is the same record, and is no longer in the old store.
func TestKeepsAllFields(t *testing.T) {
	to, from := newMemory(), newMemory()
	s := open(t, to, from, crossingstore.Config{})
	for i, rec := range fill(t, from, 3) {
		if i == 1 { // a sign-out whose record is still there
			rec.Subject, rec.Exact, rec.Expires = "", true, rec.Expires.Add(-time.Minute)
			must(t, from.Update(t.Context(), rec))
			rec.Labels, rec.Exact = nil, false
		}
		for _, load := range []func(context.Context, driver.ID) (driver.Record, error){s.Load, to.Load, s.Load} {
			got, err := load(t.Context(), rec.ID)
			must(t, err)
			if !equal(&got, rec) || got.Exact {
				t.Errorf("taken over:\n%+v, was\n%+v", got, rec)
			}
		}
		_, err := from.Load(t.Context(), rec.ID)
		wantError(t, err, driver.ErrNotFound)
	}
}

// equal compares all but the version.
func equal(a, b *driver.Record) bool {
	return a.ID == b.ID && a.Subject == b.Subject && len(a.Labels) == len(b.Labels) && a.Created.Equal(b.Created) &&
		a.Used.Equal(b.Used) && a.Expires.Equal(b.Expires) && string(a.Data) == string(b.Data)
}

// TestWhatCallsCost is the table of calls: what is in the new store costs one.
func TestWhatCallsCost(t *testing.T) {
	to, from := storetest.NewFault(newMemory()), storetest.NewFault(newMemory())
	s := open(t, to.Store(), from.Store(), crossingstore.Config{})
	old, rec := record(1), record(2)
	must(t, from.Store().Create(t.Context(), old))
	for _, c := range []struct {
		what     string
		to, from int
		do       func() error
	}{
		{"an unknown token", 2, 1, func() error {
			if _, err := s.Load(t.Context(), driver.ID{9}); !errors.Is(err, driver.ErrNotFound) {
				return err
			}
			return nil
		}},
		{"a take-over", 3, 3, func() error { _, err := s.Load(t.Context(), old.ID); return err }},
		{"a load", 1, 0, func() error { _, err := s.Load(t.Context(), old.ID); return err }},
		{"a new session", 1, 1, func() error { return s.Create(t.Context(), rec) }},
		{"a change", 1, 0, func() error { return s.Update(t.Context(), rec) }},
		{"a touch", 1, 0, func() error { return s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires) }},
		{"an end", 1, 1, func() error { rec.Subject, rec.Exact = "", true; return s.Update(t.Context(), rec) }},
		{"a deletion", 1, 1, func() error { return s.Delete(t.Context(), rec.ID) }},
	} {
		to.Reset()
		from.Reset()
		must(t, c.do())
		if n, o := sum(to.Calls()), sum(from.Calls()); n != c.to || o != c.from {
			t.Errorf("%s: %d calls of the new store and %d of the old one, want %d and %d", c.what, n, o, c.to, c.from)
		}
	}
}

func sum(calls map[string]int) (n int) {
	for _, c := range calls {
		n += c
	}
	return n
}

func TestNewRefuses(t *testing.T) {
	a, b := newMemory(), newMemory()
	var none *memstore.Store
	for what, pair := range map[string][2]driver.Store{
		"no new store": {nil, b}, "no old store": {a, nil}, "the same": {a, a}, "failed to open": {none, b}, "old one failed": {a, none},
	} {
		if s, err := crossingstore.New(pair[0], pair[1], crossingstore.Config{}); s != nil || err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}

// TestOutages: an outage of either store is one, and signs nobody out.
func TestOutages(t *testing.T) {
	for _, which := range []int{0, 1} {
		faults := []*storetest.Fault{storetest.NewFault(newMemory()), storetest.NewFault(newMemory())}
		s := open(t, faults[0].Store(), faults[1].Store(), crossingstore.Config{})
		rec, unknown := record(1), record(2)
		must(t, faults[1].Store().Create(t.Context(), rec))
		faults[which].Before(storetest.Outage)
		_, err := s.Load(t.Context(), rec.ID)
		wantError(t, err, driver.ErrUnavailable)
		_, err = s.Load(t.Context(), unknown.ID)
		wantError(t, err, driver.ErrUnavailable)
		wantError(t, s.Create(t.Context(), unknown), driver.ErrUnavailable)
		wantError(t, s.Delete(t.Context(), rec.ID), driver.ErrUnavailable)
		wantError(t, s.Ping(t.Context()), driver.ErrUnavailable)
		_, err = s.Move(t.Context(), crossingstore.MoveOptions{})
		wantError(t, err, driver.ErrUnavailable)
		faults[which].Reset()
		if _, err := s.Load(t.Context(), rec.ID); which == 1 {
			must(t, err)
		}
		must(t, s.Ping(t.Context()))
	}
}

// TestNoRoom: a session that the new store does not take stays in the old one, and that is an outage.
func TestNoRoom(t *testing.T) {
	from := newMemory()
	s := open(t, made.Of(memstore.New(memstore.Config{MaxBytes: 1000})), from, crossingstore.Config{})
	rec := record(1)
	rec.Data = make([]byte, 2000)
	must(t, from.Create(t.Context(), rec))
	_, err := s.Load(t.Context(), rec.ID)
	wantError(t, err, driver.ErrUnavailable)
	wantError(t, err, driver.ErrTooLarge)
	_, err = from.Load(t.Context(), rec.ID)
	must(t, err)
}

// mixedUp answers with another session's record.
type mixedUp struct{ driver.Store }

func (m mixedUp) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	rec, err := m.Store.Load(ctx, id)
	rec.ID[5]++
	return rec, err
}

func TestOldStoreThatMixesUp(t *testing.T) {
	to, from := newMemory(), newMemory()
	rec := fill(t, from, 1)[0]
	_, err := open(t, to, mixedUp{from}, crossingstore.Config{}).Load(t.Context(), rec.ID)
	wantError(t, err, driver.ErrUnavailable)
	if n := to.Len(); n != 0 {
		t.Errorf("%d records in the new store", n)
	}
}
