package crossingstore

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// seenInOld marks the Version of a record that a list shows from the old store. No record in the new store has such a
// version, so no write of it can meet another record by accident.
const seenInOld = 1 << 63

// Load implements driver.Store. A session that the new store does not have is taken over from the old one.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	return s.load(ctx, id, s.to.Load)
}

func (s *Store) load(ctx context.Context, id driver.ID, load func(context.Context, driver.ID) (driver.Record, error)) (driver.Record, error) {
	if err := over(ctx); err != nil {
		return driver.Record{}, err
	}
	rec, err := load(ctx, id)
	if err == nil && reserved(&rec) || errors.Is(err, driver.ErrNotFound) {
		return s.bring(ctx, id)
	}
	return rec, err
}

// Create implements driver.Store: it inserts into the new store, if the old one has no record with this ID.
func (s *Store) Create(ctx context.Context, rec *driver.Record) error {
	return s.insert(ctx, rec.ID, func() error { return s.to.Create(ctx, rec) })
}

// insert calls create, which inserts into the new store. An ID may well be in use: not every ID is random (package
// cookiestore).
func (s *Store) insert(ctx context.Context, id driver.ID, create func() error) error {
	for range attempts {
		if err := over(ctx); err != nil {
			return err
		}
		_, err := s.readOld(ctx, id)
		if errors.Is(err, driver.ErrNotFound) {
			if err = create(); !errors.Is(err, driver.ErrExists) {
				return err
			}
			_, err = s.bring(ctx, id) // it may be no more than a reservation
		}
		switch {
		case err == nil || errors.Is(err, driver.ErrUnreadable) || errors.Is(err, driver.ErrCorrupt):
			return errExists
		case !errors.Is(err, driver.ErrNotFound):
			return err
		}
	}
	return driver.Unavailable("crossingstore: create", errBusy)
}

// Update implements driver.Store. With Exact it may end the session, so the copy in the old store goes first. It is not
// needed: a version of the new store says that the session is there.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	if err := s.known(ctx, rec.ID, rec.Version); err != nil {
		return err
	}
	if rec.Exact {
		if err := s.from.Delete(ctx, rec.ID); err != nil {
			return err
		}
	}
	return s.to.Update(ctx, rec)
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	if err := s.known(ctx, id, version); err != nil {
		return err
	}
	return s.to.Touch(ctx, id, version, used, expires)
}

// known returns nil for a version of the new store. Otherwise it takes the record over and returns the answer to a
// write: if there is a session, it has another version.
func (s *Store) known(ctx context.Context, id driver.ID, version uint64) error {
	if err := over(ctx); err != nil || version < seenInOld {
		return err
	}
	if _, err := s.bring(ctx, id); err != nil {
		return err
	}
	return errConflict
}

// Delete implements driver.Store. It deletes in the old store first: the other way round, another server could take the
// record over in between.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	if err := over(ctx); err != nil {
		return err
	}
	if err := s.from.Delete(ctx, id); err != nil {
		return err
	}
	return s.to.Delete(ctx, id)
}
