package cachedstore

import (
	"context"
	"errors"
	"fmt"
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
		var miss miss
		if !s.backlog.has(id) {
			var rec driver.Record
			var hit bool
			if rec, miss, hit = s.fromCache(ctx, id); hit {
				return rec, nil
			}
		}
		if called == 0 {
			called = s.reads.ticks.Add(1)
		}
		if f, err := s.reads.join(ctx, id, miss, called); f != nil || err != nil {
			return f.result(err)
		}
	}
}

// fromCache returns what the cache holds, or the miss in it.
func (s *Store) fromCache(ctx context.Context, id driver.ID) (rec driver.Record, none miss, hit bool) {
	if s.breaker.Allow() != nil {
		return rec, none, false
	}
	begun := time.Now()
	cacheCtx, cancel := s.cacheContext(ctx)
	found, err := s.cacheLoad(cacheCtx, id)
	cancel()
	s.recordOutcome(ctx, begun, err)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return rec, miss{empty: true}, false
	case errors.Is(err, driver.ErrUnreadable): // it is for others, and no failure
		return rec, none, false
	case err != nil:
		s.reportFailure(ctx, id, "read from the cache", err)
		return rec, none, false
	case found.ID != id:
		s.config.Report(id, errOtherSession)
		return rec, none, false
	}
	e := parse(id, found.Data)
	switch now := s.now(); {
	case e.kind == kindFence:
		return rec, miss{from: e.version + 1}, false // after forever comes 0
	case e.kind != kindValue || !s.trusts(&e, now):
		return rec, none, false
	case !e.rec.Live(now): // the truth may have a later deadline
		return rec, miss{from: e.version}, false
	}
	return e.rec, none, true
}

// cacheLoad is Load of the cache. A panic there is a failure of the cache, and not the request's.
func (s *Store) cacheLoad(ctx context.Context, id driver.ID) (rec driver.Record, err error) {
	defer recoverTo(&err)
	return s.cache.Load(ctx, id)
}

// recoverTo makes a panic of the cache an error. It is for a defer.
func recoverTo(err *error) {
	if v := recover(); v != nil {
		*err = driver.Unavailable("cachedstore", fmt.Errorf("panic in the cache: %v", v))
	}
}

var errOtherSession = errors.New("cachedstore: the cache answered with another session's entry")

// trusts is false of an entry from a server whose clock is ahead of ours: nobody
// knows when it was read. Entries that are too old the cache has dropped.
func (s *Store) trusts(e *entry, now time.Time) bool {
	return !s.shared || e.read.Sub(now) < time.Second
}

// readTruth reads a session and fills the miss in the cache with it.
func (s *Store) readTruth(ctx context.Context, f *sharedRead) {
	f.read = s.now()
	f.rec, f.err = s.askTruth(ctx, f.id)
	switch {
	case f.err != nil || f.rec.ID != f.id || !f.miss.fillableBy(f.rec.Version):
		return
	case ctx.Err() != nil || s.now().Sub(f.read) > s.config.SoftTTL/4 || s.breaker.Allow() != nil:
		return
	}
	begun := time.Now()
	cacheCtx, cancel := s.cacheContext(ctx)
	defer cancel()
	err := s.fill(cacheCtx, f)
	s.recordOutcome(ctx, begun, err)
	if err != nil && !errors.Is(err, driver.ErrExists) && !errors.Is(err, driver.ErrTooLarge) {
		s.reportFailure(ctx, f.id, "fill the cache", err)
	}
}

func (s *Store) fill(ctx context.Context, f *sharedRead) (err error) {
	defer recoverTo(&err)
	e := value(f.rec, f.read)
	if !f.miss.empty {
		return s.putNewer(ctx, e)
	}
	f.filling = s.reads.ticks.Add(1)
	err = s.cache.Create(ctx, s.cacheRecord(e))
	f.filled = err == nil
	return err
}

// cacheRecord makes the cache's record of an entry. A value stays until SoftTTL after it was read,
// and not only until the session's deadline: one with an earlier deadline than the version
// before it must keep that version from being filled in again.
// A fence stays for twice as long from now: whatever its like was read before has
// expired by then, on a clock that is late by SoftTTL, too.
// Both deadlines are exact, as a value that takes the place of a fence must not stay as long.
func (s *Store) cacheRecord(e *entry) *driver.Record {
	from, life := e.read, s.config.SoftTTL
	if e.kind == kindFence {
		from, life = s.now(), 2*s.config.SoftTTL
	}
	return &driver.Record{ID: e.rec.ID, Created: from, Used: from, Expires: from.Add(life), Exact: true, Data: e.encode()}
}
