package driver_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// mapStore is the plainest store: a map under a lock, without abilities. Records live in the memory of one process.
// An expired record is absent, but its memory is not freed: that is what driver.Sweeper is for.
type mapStore struct {
	mu      sync.Mutex
	records map[driver.ID]driver.Record
}

var _ driver.Store = (*mapStore)(nil)

// Its errors begin with its name, and errors.Is finds those of package driver.
var (
	errNotFound = fmt.Errorf("mapstore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("mapstore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("mapstore: %w", driver.ErrConflict)
)

func newMapStore() *mapStore { return &mapStore{records: map[driver.ID]driver.Record{}} }

func (s *mapStore) Info() driver.Info {
	return driver.Info{Name: "mapstore", InMemory: true, Local: true}
}

func (s *mapStore) Load(_ context.Context, id driver.ID) (driver.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live(id)
}

// Create only inserts. An expired record counts as absent.
func (s *mapStore) Create(_ context.Context, rec *driver.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.live(rec.ID); err == nil {
		return errExists
	}
	rec.Version = 1
	s.keep(*rec)
	return nil
}

// Update compares the version and replaces the record under one lock, which makes it one atomic step.
func (s *mapStore) Update(_ context.Context, rec *driver.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, err := s.liveVersion(rec.ID, rec.Version)
	if err != nil {
		return err
	}
	if rec.Subject == "" {
		kept.Subject, kept.Labels = "", nil
	}
	kept.Used = later(kept.Used, rec.Used)
	if rec.Exact {
		kept.Expires = rec.Expires
	} else {
		kept.Expires = later(kept.Expires, rec.Expires)
	}
	kept.Data = rec.Data
	kept.Version++
	s.keep(kept)
	rec.Version = kept.Version
	return nil
}

// Touch moves times forward and keeps the version.
func (s *mapStore) Touch(_ context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, err := s.liveVersion(id, version)
	if err != nil {
		return err
	}
	kept.Used, kept.Expires = later(kept.Used, used), later(kept.Expires, expires)
	s.keep(kept)
	return nil
}

func (s *mapStore) Delete(_ context.Context, id driver.ID) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, id)
	return nil
}

// live returns the record under id, unless it is absent or has expired. The caller holds the lock.
func (s *mapStore) live(id driver.ID) (driver.Record, error) {
	rec, ok := s.records[id]
	if !ok || !rec.Live(time.Now()) {
		return driver.Record{}, errNotFound
	}
	return rec, nil
}

// liveVersion is live for a caller that knows one version of the record.
func (s *mapStore) liveVersion(id driver.ID, version uint64) (driver.Record, error) {
	rec, err := s.live(id)
	if err == nil && rec.Version != version {
		err = errConflict
	}
	return rec, err
}

// keep puts a record into the map. Data and Labels are immutable, so they need no copy. Clip makes sure that a reader
// who appends to what it loaded gets a copy.
func (s *mapStore) keep(rec driver.Record) {
	rec.Created = rec.Created.Truncate(time.Microsecond)
	rec.Used = rec.Used.Truncate(time.Microsecond)
	rec.Expires = rec.Expires.Truncate(time.Microsecond)
	rec.Exact = false
	rec.Labels, rec.Data = slices.Clip(rec.Labels), slices.Clip(rec.Data)
	s.records[rec.ID] = rec
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// A whole store, and the rule that matters most: of two requests that loaded the same version, one can save. The
// other gets ErrConflict, and nothing is lost. Applications hand the store to core.Config, and a test hands it to
// storetest.Run, which proves it.
func Example() {
	ctx, now := context.Background(), time.Now()
	var store driver.Store = newMapStore()
	rec := driver.Record{
		ID: driver.ID{1}, Subject: "alice", Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte("new"),
	}
	if err := store.Create(ctx, &rec); err != nil {
		fmt.Println(err)
	}

	first, _ := store.Load(ctx, rec.ID)
	second, _ := store.Load(ctx, rec.ID)
	first.Data = []byte("from the first request")
	second.Data = []byte("from the second request")
	fmt.Println("first:", store.Update(ctx, &first))
	err := store.Update(ctx, &second)
	fmt.Println("second conflicts:", errors.Is(err, driver.ErrConflict))

	kept, _ := store.Load(ctx, rec.ID)
	fmt.Printf("version %d: %s\n", kept.Version, kept.Data)
	// Output:
	// first: <nil>
	// second conflicts: true
	// version 2: from the first request
}
