package gormstore

import (
	"context"
	"database/sql"
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// All implements driver.Lister.
func (s *Store) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, "list all", &s.sql.all)
}

// BySubject implements driver.Indexer.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	if subject == "" || len(subject) > driver.MaxSubject {
		return func(func(driver.Record, error) bool) {}
	}
	return s.walk(ctx, "list by subject", &s.sql.bySubject, []byte(subject))
}

// walk yields page after page in the order of the IDs. No connection is held while the
// loop works, so it may call the store even if there is only one.
func (s *Store) walk(ctx context.Context, op string, st *statement, more ...any) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var page []driver.Record
		for after := ""; ; after = page[pageSize-1].ID.String() {
			args := append([]any{after, s.micros()}, more...)
			err := s.rows(ctx, op, st, args, func() { page = page[:0] }, func(rows *sql.Rows) error {
				var r row
				if err := rows.Scan(r.dest()...); err != nil {
					return err
				}
				page = append(page, r.record())
				return nil
			})
			if err != nil {
				yield(driver.Record{}, err)
				return
			}
			for _, rec := range page {
				if !yield(rec, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}
