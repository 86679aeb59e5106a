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
	err := s.breaker.Allow()
	if err == nil {
		asked, cancel := s.visitAfter(ctx)
		err = s.mark(asked, want)
		cancel()
		s.judge(context.Background(), err)
	}
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

func fence(id driver.ID, version uint64) *entry {
	return &entry{kind: kindFence, version: version, rec: driver.Record{ID: id}}
}

// attempts bounds mark. Each one that fails says that another server was
// quicker, and versions only grow.
const attempts = 32

// mark makes the cache hold want or something newer.
func (s *Store) mark(ctx context.Context, want *entry) (err error) {
	for try := range attempts {
		var found driver.Record
		if want.fresh && try == 0 {
			err = driver.ErrNotFound
		} else {
			found, err = s.cache.Load(ctx, want.rec.ID)
		}
		switch {
		case errors.Is(err, driver.ErrNotFound):
			err = s.cache.Create(ctx, s.wrap(want.orFence()))
		case errors.Is(err, driver.ErrCorrupt):
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
			want = fence(want.rec.ID, want.version)
		case !errors.Is(err, driver.ErrExists) && !errors.Is(err, driver.ErrConflict) && !errors.Is(err, driver.ErrNotFound):
			return err
		}
	}
	return driver.Unavailable("cachedstore", err)
}

// replace puts want in the place of what was found, if it is newer.
func (s *Store) replace(ctx context.Context, found driver.Record, want *entry) error {
	held := parse(want.rec.ID, found.Data)
	if want.kind == kindTouch {
		want = want.appliedTo(&held)
	}
	if want.kind == kindValue && held.kind == kindValue { // Created is not the writer's to change
		kept := *want
		kept.rec.Created, want = held.rec.Created, &kept
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
	next.Version = found.Version
	return s.cache.Update(ctx, next)
}

// kindTouch is an entry that no cache ever holds: a value of which only the deadline is
// known. It changes the value of the same version, and else is a fence.
const kindTouch = 0xff

func (e *entry) orFence() *entry {
	if e.kind == kindTouch {
		return fence(e.rec.ID, e.version)
	}
	return e
}

func (e *entry) appliedTo(held *entry) *entry {
	if held.kind != kindValue || held.version != e.version {
		return e.orFence()
	}
	touched := value(held.rec, e.read)
	touched.rec.Expires = e.rec.Expires
	return touched
}
