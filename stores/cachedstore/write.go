package cachedstore

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Create implements driver.Store.
func (s *Store) Create(ctx context.Context, rec *driver.Record) error {
	read := s.now()
	if err := s.truth.Create(ctx, rec); err != nil {
		return err
	}
	s.propagateNew(ctx, rec, read)
	return nil
}

// propagateNew brings a new session to the cache.
func (s *Store) propagateNew(ctx context.Context, rec *driver.Record, read time.Time) {
	e := value(*rec, read)
	e.expectAbsent = true
	s.propagate(ctx, e)
}

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	read, version := s.now(), rec.Version
	err := s.truth.Update(ctx, rec)
	if err == nil {
		s.propagate(ctx, updated(rec, version, read))
	} else {
		s.invalidate(ctx, rec.ID, version, err)
	}
	return err
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	read := s.now()
	err := s.truth.Touch(ctx, id, version, used, expires)
	switch {
	case err == nil:
		s.propagate(ctx, &entry{kind: kindTouch, version: version, rec: driver.Record{ID: id, Used: used, Expires: expires}, read: read})
	case !errors.Is(err, driver.ErrUnavailable): // then the times may have moved, and nobody relies on the later ones
		s.invalidate(ctx, id, version, err)
	}
	return err
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	err := s.truth.Delete(ctx, id)
	s.propagate(ctx, fence(id, forever)) // also after an outage: the truth may have deleted it
	return err
}

// invalidate replaces the value in the cache by a fence after a write that failed, so that the next Load asks the
// truth. A refusal proves that the value is old. A write without an answer may have made it old. An unreadable
// record was written by a newer release in the meantime.
func (s *Store) invalidate(ctx context.Context, id driver.ID, version uint64, why error) {
	switch {
	case errors.Is(why, driver.ErrNotFound):
		s.propagate(ctx, fence(id, forever))
	case errors.Is(why, driver.ErrConflict), errors.Is(why, driver.ErrUnavailable), errors.Is(why, driver.ErrUnreadable):
		s.propagate(ctx, fence(id, version))
	}
}
