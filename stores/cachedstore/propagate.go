package cachedstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// propagate brings to the cache what a call of the truth has made of a session. If
// it cannot, it says so and leaves the rest to the background; the call stands.
func (s *Store) propagate(ctx context.Context, want *entry) {
	err := s.tryPropagate(ctx, want)
	if err == nil {
		return
	}
	fence := pendingFence{version: want.version, until: s.now().Add(s.config.SoftTTL + time.Second)}
	kept := s.backlog.add(want.rec.ID, fence)
	err = fmt.Errorf("cachedstore: %w: %w", ErrStale, err)
	if !kept {
		err = fmt.Errorf("%w (and too many changes wait for it: no session is read from it for now)", err)
	}
	s.config.Report(want.rec.ID, err)
}

// tryPropagate makes one visit to the cache. By now the truth has done its part, or nobody is there to hear: so a panic is
// a failure like any other.
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

// attempts bounds putNewer. Each one that fails says that another server was
// quicker, and versions only grow.
const attempts = 32

// putNewer makes the cache hold want or something newer. An entry in a newer format stays when want was only read. A
// write leaves a tombstone in its place: it may have been one, and for a while the truth answers.
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
			want = fence(want.rec.ID, max(want.version, want.rec.Version)) // of an Update: what it made will not fit later, either
		case !errors.Is(err, driver.ErrExists) && !errors.Is(err, driver.ErrConflict) && !errors.Is(err, driver.ErrNotFound):
			return err
		}
	}
	return driver.Unavailable("cachedstore", err)
}

// replaceOlder puts want in the place of what was found, if it is newer.
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
		// A fence that is there already must last long enough for the one wanted, too.
		again := held.kind == kindFence && want.kind == kindFence && found.Expires.Before(next.Expires.Add(-s.config.SoftTTL/2))
		if !again {
			return nil
		}
		next = s.cacheRecord(&held)
	}
	next.Version, next.Created = found.Version, found.Created // redisstore looks twice where another Created comes
	return s.cache.Update(ctx, next)
}
