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
	rec, _, err := s.LoadReported(ctx, id)
	return rec, err
}

// LoadReported implements driver.CacheReporter.
func (s *Store) LoadReported(ctx context.Context, id driver.ID) (rec driver.Record, cached bool, err error) {
	if err := ctx.Err(); err != nil {
		return rec, false, driver.Unavailable("cachedstore", err)
	}
	called := uint64(0)
	for {
		var miss miss
		if !s.backlog.has(id) {
			var hit bool
			if rec, miss, hit = s.fromCache(ctx, id); hit {
				return rec, true, nil
			}
		}
		if called == 0 {
			called = s.reads.ticks.Add(1)
		}
		if f, err := s.reads.join(ctx, id, miss, called); f != nil || err != nil {
			rec, err = f.result(err)
			return rec, false, err
		}
	}
}

// fromCache returns the record that the cache holds, or says how the cache may be filled.
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
	case errors.Is(err, driver.ErrUnreadable): // newer servers can read it; the cache has not failed
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
		return rec, miss{from: e.version + 1}, false // forever + 1 is 0: a tombstone is never replaced
	case e.kind != kindValue || !s.trusts(&e, now):
		return rec, none, false
	case !e.rec.Live(now): // the truth may have a later deadline
		return rec, miss{from: e.version}, false
	}
	return e.rec, none, true
}

// cacheLoad calls Load of the cache. A panic there is a failure of the cache and does not fail the request.
func (s *Store) cacheLoad(ctx context.Context, id driver.ID) (rec driver.Record, err error) {
	defer recoverTo(&err)
	return s.cache.Load(ctx, id)
}

// recoverTo turns a panic of the cache into an error. It must be deferred.
func recoverTo(err *error) {
	if v := recover(); v != nil {
		*err = driver.Unavailable("cachedstore", fmt.Errorf("panic in the cache: %v", v))
	}
}

var errOtherSession = errors.New("cachedstore: the cache answered with another session's entry")

// trusts reports whether the entry's time of reading can be right. It cannot if it is a second or more in the future:
// then another server's clock is ahead, and nobody knows how old the entry is. The cache itself drops entries that
// are too old.
func (s *Store) trusts(e *entry, now time.Time) bool {
	return !s.shared || e.read.Sub(now) < time.Second
}

// readTruth reads a session from the truth and fills the cache with it, unless the read took longer than a quarter of
// SoftTTL.
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
