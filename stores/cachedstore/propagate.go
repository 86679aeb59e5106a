package cachedstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// propagate brings the result of a call of the truth to the cache. If it cannot, it calls Report and leaves the rest
// to the backlog. The call of the truth still succeeds.
func (s *Store) propagate(ctx context.Context, want *entry) {
	err := s.tryPropagate(ctx, want)
	if err == nil {
		return
	}
	fence := pendingFence{version: want.version, until: s.now().Add(s.config.SoftTTL + time.Second)}
	kept := s.backlog.add(want.rec.ID, fence)
	err = fmt.Errorf("cachedstore: %w: %w", ErrStale, err)
	if !kept {
		err = fmt.Errorf("%w (too many changes wait for the cache: for now all sessions are read from the truth)", err)
	}
	s.config.Report(want.rec.ID, err)
}

// tryPropagate makes one attempt. A panic of the cache is a failure like any other, because the truth has already
// done the write, or because no caller waits (in the backlog's goroutine).
func (s *Store) tryPropagate(ctx context.Context, want *entry) (err error) {
	if err := s.breaker.Allow(); err != nil {
		return err
	}
	begun := time.Now()
	cacheCtx, cancel := s.cacheContextAfterWrite(ctx)
	defer cancel()
	defer func() { s.recordOutcome(context.Background(), begun, err) }()
	defer recoverTo(&err)
	return s.putNewer(cacheCtx, want)
}

// attempts bounds the loop of putNewer. A failed attempt means that another server was faster, and versions only
// grow.
const attempts = 32

// putNewer makes the cache hold want, or leaves there what is newer. An entry in a newer format stays if want comes
// from a read. A write replaces it by a tombstone, because it may have been a tombstone itself. Until that expires,
// the truth answers.
func (s *Store) putNewer(ctx context.Context, want *entry) (err error) {
	for try := range attempts {
		var found driver.Record
		if want.expectAbsent && try == 0 {
			err = driver.ErrNotFound
		} else {
			found, err = s.cache.Load(ctx, want.rec.ID)
		}
		switch {
		case errors.Is(err, driver.ErrNotFound) && want.onlyIfHeld:
			return nil
		case errors.Is(err, driver.ErrNotFound):
			err = s.cache.Create(ctx, s.cacheRecord(want.orFence()))
		case errors.Is(err, driver.ErrCorrupt):
			if err = s.cache.Delete(ctx, want.rec.ID); err == nil {
				err = driver.ErrConflict // look again
			}
		case errors.Is(err, driver.ErrUnreadable) && want.isRead():
			return nil
		case errors.Is(err, driver.ErrUnreadable):
			want = fence(want.rec.ID, forever)
			if err = s.cache.Delete(ctx, want.rec.ID); err == nil {
				err = driver.ErrConflict // look again
			}
		case err != nil:
		case found.ID != want.rec.ID:
			return driver.Unavailable("cachedstore", errOtherSession)
		default:
			err = s.replaceOlder(ctx, found, want)
		}
		switch {
		case errors.Is(err, driver.ErrTooLarge) && want.kind != kindFence:
			want = fence(want.rec.ID, max(want.version, want.rec.Version)) // the result of an Update will not fit later, either
		case !errors.Is(err, driver.ErrExists) && !errors.Is(err, driver.ErrConflict) && !errors.Is(err, driver.ErrNotFound):
			return err
		}
	}
	return driver.Unavailable("cachedstore", err)
}

// replaceOlder replaces what was found in the cache by want, if want is newer.
func (s *Store) replaceOlder(ctx context.Context, found driver.Record, want *entry) error {
	held := parse(want.rec.ID, found.Data)
	switch {
	case held.kind != kindNewer:
		want = want.applyTo(&held)
	case want.isRead():
		return nil
	default:
		want, held = fence(want.rec.ID, forever), entry{}
	}
	next := s.cacheRecord(want)
	if !want.newer(&held) {
		// The fence that the cache holds must last about as long as the wanted one would.
		again := held.kind == kindFence && want.kind == kindFence && found.Expires.Before(next.Expires.Add(-s.config.SoftTTL/2))
		if !again {
			return nil
		}
		next = s.cacheRecord(&held)
	}
	next.Version, next.Created = found.Version, found.Created // another Created would cost redisstore a second look
	return s.cache.Update(ctx, next)
}

// cacheRecord returns the record for the cache that holds e. Both kinds of entries have exact deadlines: a value that
// replaces a fence must not live as long as the fence.
//
// A value lives until SoftTTL after it was read from the truth, even if the session's deadline is earlier. A version
// with an earlier deadline than the version before it must keep that one from being filled in again.
//
// A fence lives for twice SoftTTL from now. Every entry that was read before the fence has expired by then, even on a
// clock that is SoftTTL late.
func (s *Store) cacheRecord(e *entry) *driver.Record {
	from, life := e.read, s.config.SoftTTL
	if e.kind == kindFence {
		from, life = s.now(), 2*s.config.SoftTTL
	}
	return &driver.Record{ID: e.rec.ID, Created: from, Used: from, Expires: from.Add(life), Exact: true, Data: e.encode()}
}
