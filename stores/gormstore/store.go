package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Load implements driver.Store.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	var r row
	err := s.row(ctx, "load", &s.sql.load, []any{id.String()}, r.dest()...)
	switch {
	case errors.Is(err, sql.ErrNoRows), err == nil && r.expires <= s.micros():
		return driver.Record{}, errNotFound
	case err != nil:
		return driver.Record{}, err
	}
	return r.record(), nil
}

// Create implements driver.Store. The first version is the time in microseconds. So no version
// repeats, even if a record is deleted and created again.
func (s *Store) Create(ctx context.Context, rec *driver.Record) error {
	return s.create(ctx, "create", rec, func(now int64) (unsure bool, err error) {
		_, unsure, err = s.exec(ctx, "create", &s.sql.insert, values(rec, now)...)
		return unsure, err
	})
}

// create calls insert, with the version that rec gets. If the key is in use, create finds out why.
func (s *Store) create(ctx context.Context, op string, rec *driver.Record, insert func(now int64) (unsure bool, err error)) error {
	if !fits(rec) {
		return errTooLarge
	}
	id := rec.ID.String()
	for range 3 {
		now := s.micros()
		unsure, err := insert(now)
		if err == nil {
			rec.Version = uint64(now)
		}
		if !errors.Is(err, errTaken) {
			return err
		}
		switch v, err := s.version(ctx, op, id, now); {
		case err == nil && unsure && v == uint64(now):
			rec.Version = v // the first INSERT succeeded, only its answer was lost
			return nil
		case err == nil:
			return errExists
		case !errors.Is(err, errNotFound):
			return err
		}
		// An expired record counts as absent, so delete it and try again.
		if _, _, err := s.exec(ctx, op, &s.sql.deleteExpired, id, now); err != nil {
			return err
		}
	}
	return errExists // each time, another request created the record first
}

// Update implements driver.Store. Retrying is safe, because the statement compares the version. If no row matches on a
// retry, our first attempt may have succeeded, so Update returns ErrUnavailable, not ErrConflict: after a conflict,
// core would apply its changes a second time.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	if len(rec.Data) > maxData {
		return errTooLarge
	}
	id, now, used, until := rec.ID.String(), s.micros(), rec.Used.UnixMicro(), rec.Expires.UnixMicro()
	later := until // a stored deadline stays only if it is later than this
	if rec.Exact {
		later = math.MaxInt64
	}
	st, args := &s.sql.update, append(make([]any, 0, 12), notNull(rec.Data), used, used, later, until)
	if rec.Subject == "" {
		st, args = &s.sql.clear, append(args, []byte{}, []byte{}, []byte{}, []byte{})
	}
	n, unsure, err := s.exec(ctx, "update", st, append(args, id, int64(rec.Version), now)...)
	switch {
	case err != nil:
		return err
	case n == 1:
		rec.Version++
		return nil
	}
	_, err = s.version(ctx, "update", id, now)
	switch {
	case unsure && (err == nil || errors.Is(err, errNotFound)):
		return driver.Unavailable("gormstore: update", errUnknownOutcome)
	case err != nil:
		return err
	}
	return errConflict
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	key, now, use, until := id.String(), s.micros(), used.UnixMicro(), expires.UnixMicro()
	n, _, err := s.exec(ctx, "touch", &s.sql.touch, use, use, until, until, key, int64(version), now, use, until)
	if err != nil || n == 1 {
		return err
	}
	switch v, err := s.version(ctx, "touch", key, now); {
	case err != nil:
		return err
	case v != version:
		return errConflict
	}
	return nil // the stored times are as late already
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	_, _, err := s.exec(ctx, "delete", &s.sql.delete, id.String())
	return err
}

// version returns the version of the record that is live at now. It returns errNotFound if there is none.
func (s *Store) version(ctx context.Context, op, id string, now int64) (uint64, error) {
	var v int64
	err := s.row(ctx, op, &s.sql.version, []any{id, now}, &v)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, errNotFound
	case err != nil:
		return 0, err
	}
	return uint64(v), nil
}
