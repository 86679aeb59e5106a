package ownstore

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	_ driver.Pinger  = (*Store)(nil)
	_ io.Closer      = (*Store)(nil)
	_ driver.Sweeper = (*Store)(nil)
	_ driver.Lister  = (*Store)(nil)
	_ driver.Indexer = (*Store)(nil)
)

// Ping implements driver.Pinger.
func (s *Store) Ping(ctx context.Context) error {
	release, err := s.hold(ctx)
	if err == nil {
		release()
	}
	return err
}

// Close ends the store. Calls that come later return driver.ErrUnavailable, or a true answer.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	return s.file.Close()
}

// Sweep implements driver.Sweeper. It forgets where expired records are. Their lines need no change: they say themselves
// that they have expired. A record that cannot be read stays.
func (s *Store) Sweep(ctx context.Context, limit int) (removed int, err error) {
	release, err := s.hold(ctx)
	if err != nil {
		return 0, err
	}
	defer release()
	now := s.now()
	for id, p := range s.at {
		if removed == limit {
			break
		}
		if now.Before(p.expires) {
			continue
		}
		switch _, err := s.live(id); {
		case errors.Is(err, driver.ErrNotFound):
			delete(s.at, id)
			removed++
		case errors.Is(err, driver.ErrUnavailable):
			return removed, err
		}
	}
	return removed, nil
}

// All implements driver.Lister. Each record is a turn of its own: the body of the loop may be slow, and call the store.
func (s *Store) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, func(driver.Record) bool { return true })
}

// BySubject implements driver.Indexer.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, func(rec driver.Record) bool { return subject != "" && rec.Subject == subject })
}

// ByLabel implements driver.Indexer.
func (s *Store) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, func(rec driver.Record) bool { return label != "" && slices.Contains(rec.Labels, label) })
}

// walk yields the live records that are wanted. Records that cannot be read hide no other: the error comes at the end.
func (s *Store) walk(ctx context.Context, wanted func(driver.Record) bool) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		ids, last := s.ids(ctx)
		for _, id := range ids {
			rec, err := s.Load(ctx, id)
			switch {
			case errors.Is(err, driver.ErrNotFound): // gone meanwhile
			case errors.Is(err, driver.ErrUnreadable), errors.Is(err, driver.ErrCorrupt):
				last = err
			case err != nil:
				yield(driver.Record{}, err)
				return
			case wanted(rec) && !yield(rec, nil):
				return
			}
		}
		if last != nil {
			yield(driver.Record{}, last)
		}
	}
}

// ids returns the IDs of all records that are there now.
func (s *Store) ids(ctx context.Context) ([]driver.ID, error) {
	release, err := s.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	ids := make([]driver.ID, 0, len(s.at))
	for id := range s.at {
		ids = append(ids, id)
	}
	return ids, nil
}
