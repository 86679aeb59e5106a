package cachedstore

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Load implements driver.Store.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if err := ctx.Err(); err != nil {
		return driver.Record{}, driver.Unavailable("cachedstore", err)
	}
	called := uint64(0)
	for {
		fill := false
		if !s.owed.has(id) {
			var rec driver.Record
			var hit bool
			if rec, hit, fill = s.fromCache(ctx, id); hit {
				return rec, nil
			}
		}
		if called == 0 {
			called = s.flights.ticks.Add(1)
		}
		if f, err := s.flights.join(ctx, id, fill, called); f != nil || err != nil {
			return f.result(err)
		}
	}
}

// fromCache returns what the cache holds. fill: it holds nothing and would take something.
func (s *Store) fromCache(ctx context.Context, id driver.ID) (rec driver.Record, hit, fill bool) {
	if s.breaker.Allow() != nil {
		return rec, false, false
	}
	asked, cancel := s.visit(ctx)
	found, err := s.cache.Load(asked, id)
	cancel()
	s.judge(ctx, err)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return rec, false, true
	case err != nil:
		s.complain(ctx, id, "read from the cache", err)
		return rec, false, false
	case found.ID != id:
		s.config.Report(id, errMixedUp)
		return rec, false, false
	}
	e := parse(id, found.Data)
	return e.rec, e.kind == kindValue && s.believes(&e), false
}

var errMixedUp = errors.New("cachedstore: the cache answered with another session's entry")

// believes is false of an entry from a server whose clock is ahead of ours: nobody
// knows when it was read. Entries that are too old the cache has dropped.
func (s *Store) believes(e *entry) bool {
	return !s.shared || e.read.Sub(s.now()) < time.Second
}

// readTruth reads a session and fills the cache with it.
func (s *Store) readTruth(ctx context.Context, f *flight) {
	read := s.now()
	f.rec, f.err = s.truth.Load(ctx, f.id)
	if f.err != nil || !f.fill || f.rec.ID != f.id || s.now().Sub(read) > s.config.SoftTTL/4 || s.breaker.Allow() != nil {
		return
	}
	asked, cancel := s.visit(ctx)
	defer cancel()
	f.filling = s.flights.ticks.Add(1)
	err := s.cache.Create(asked, s.wrap(value(f.rec, read)))
	s.judge(ctx, err)
	f.filled = err == nil
	if err != nil && !errors.Is(err, driver.ErrExists) && !errors.Is(err, driver.ErrTooLarge) {
		s.complain(ctx, f.id, "fill the cache", err)
	}
}

func value(rec driver.Record, read time.Time) *entry {
	return &entry{kind: kindValue, version: rec.Version, rec: rec, read: read}
}

// wrap makes the cache's record of an entry. A value expires SoftTTL after it was read.
// A fence stays for twice as long from now: whatever its like was read before has
// expired by then, on a clock that is late by SoftTTL, too.
func (s *Store) wrap(e *entry) *driver.Record {
	rec := &driver.Record{ID: e.rec.ID, Created: e.read, Data: e.data()}
	if e.kind == kindFence {
		rec.Created = s.now()
		rec.Expires = rec.Created.Add(2 * s.config.SoftTTL)
		return rec
	}
	rec.Expires = e.read.Add(s.config.SoftTTL)
	if e.rec.Expires.Before(rec.Expires) {
		rec.Expires = e.rec.Expires
	}
	return rec
}
