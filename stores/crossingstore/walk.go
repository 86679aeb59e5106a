package crossingstore

import (
	"context"
	"errors"
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

type records = iter.Seq2[driver.Record, error]

type lister struct {
	s        *Store
	to, from driver.Lister
}

// All implements driver.Lister.
func (l lister) All(ctx context.Context) records {
	return l.s.walk(ctx, l.from.All(ctx), l.to.All(ctx))
}

type indexer struct {
	s        *Store
	to, from driver.Indexer
}

// BySubject implements driver.Indexer.
func (x indexer) BySubject(ctx context.Context, subject string) records {
	return x.s.walk(ctx, x.from.BySubject(ctx, subject), x.to.BySubject(ctx, subject))
}

// ByLabel implements driver.Indexer.
func (x indexer) ByLabel(ctx context.Context, label string) records {
	return x.s.walk(ctx, x.from.ByLabel(ctx, label), x.to.ByLabel(ctx, label))
}

// walk goes through the old store and then through the new one. In this direction it misses no session that moves
// meanwhile. It does not move any itself. A record of the old store that the new one has, too, is left to the second
// part, since it is only a copy.
func (s *Store) walk(ctx context.Context, from, to records) records {
	return func(yield func(driver.Record, error) bool) {
		if err := over(ctx); err != nil {
			yield(driver.Record{}, err)
			return
		}
		var hidden error // the walk of one store has ended with it, after all records that it could show
		shown := map[driver.ID]struct{}{}
		for rec, err := range from {
			if err == nil {
				var moved bool
				if moved, err = s.has(ctx, rec.ID); moved {
					continue
				}
			}
			if err != nil {
				if hidden = err; hides(err) {
					break
				}
				yield(driver.Record{}, err)
				return
			}
			shown[rec.ID] = struct{}{}
			rec.Version |= seenInOld
			if !yield(rec, nil) {
				return
			}
		}
		for rec, err := range to {
			if err != nil {
				if hidden == nil {
					hidden = err
				}
				if hides(err) {
					break
				}
				yield(driver.Record{}, err)
				return
			}
			if _, twice := shown[rec.ID]; twice || reserved(&rec) {
				continue
			}
			if !yield(rec, nil) {
				return
			}
		}
		if hidden != nil {
			yield(driver.Record{}, hidden)
		}
	}
}

// has reports whether the new store has a record under id that is no reservation. One that cannot be read is one.
func (s *Store) has(ctx context.Context, id driver.ID) (bool, error) {
	rec, err := s.to.Load(ctx, id)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return false, nil
	case errors.Is(err, driver.ErrUnavailable):
		return false, err
	}
	return err != nil || !reserved(&rec), nil
}

// hides reports whether a walk that ends with err has shown all records that it could.
func hides(err error) bool {
	return errors.Is(err, driver.ErrUnreadable) || errors.Is(err, driver.ErrIncomplete) || errors.Is(err, driver.ErrCorrupt)
}
