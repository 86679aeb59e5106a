package cachedstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// settle brings to the cache what a call of the truth has made of a session. If
// it cannot, it says so and leaves the rest to the background; the call stands.
func (s *Store) settle(ctx context.Context, want *entry) {
	err := s.bring(ctx, want)
	if err == nil {
		return
	}
	owed := debt{version: want.version, until: s.now().Add(s.config.SoftTTL + time.Second)}
	kept := s.owed.add(want.rec.ID, owed)
	err = fmt.Errorf("cachedstore: %w: %w", ErrStale, err)
	if !kept {
		err = fmt.Errorf("%w (and too many changes wait for it: no session is read from it for now)", err)
	}
	s.config.Report(want.rec.ID, err)
}

// bring makes one visit to the cache. By now the truth has done its part, or nobody is there to hear: so a panic is
// a failure like any other.
func (s *Store) bring(ctx context.Context, want *entry) (err error) {
	if err := s.breaker.Allow(); err != nil {
		return err
	}
	begun := time.Now()
	asked, cancel := s.visitAfter(ctx)
	defer cancel()
	defer func() { s.judge(context.Background(), begun, err) }()
	defer recovered(&err)
	return s.mark(asked, want)
}

// attempts bounds mark. Each one that fails says that another server was
// quicker, and versions only grow.
const attempts = 32

// mark makes the cache hold want or something newer. An entry in a newer format stays when want was only read. A
// write leaves a tombstone in its place: it may have been one, and for a while the truth answers.
func (s *Store) mark(ctx context.Context, want *entry) (err error) {
	for try := range attempts {
		var found driver.Record
		if want.fresh && try == 0 {
			err = driver.ErrNotFound
		} else {
			found, err = s.cache.Load(ctx, want.rec.ID)
		}
		switch {
		case errors.Is(err, driver.ErrNotFound) && want.ifHeld:
			return nil
		case errors.Is(err, driver.ErrNotFound):
			err = s.cache.Create(ctx, s.wrap(want.orFence()))
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
			return driver.Unavailable("cachedstore", errMixedUp)
		default:
			err = s.replace(ctx, found, want)
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

// replace puts want in the place of what was found, if it is newer.
func (s *Store) replace(ctx context.Context, found driver.Record, want *entry) error {
	held := parse(want.rec.ID, found.Data)
	switch {
	case held.kind != kindNewer:
		want = want.onto(&held)
	case want.isRead():
		return nil
	default:
		want, held = fence(want.rec.ID, forever), entry{}
	}
	next := s.wrap(want)
	if !want.newer(&held) {
		// A fence that is there already must last long enough for the one wanted, too.
		again := held.kind == kindFence && want.kind == kindFence && found.Expires.Before(next.Expires.Add(-s.config.SoftTTL/2))
		if !again {
			return nil
		}
		next = s.wrap(&held)
	}
	next.Version, next.Created = found.Version, found.Created // redisstore looks twice where another Created comes
	return s.cache.Update(ctx, next)
}
