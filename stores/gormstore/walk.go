package gormstore

import (
	"context"
	"database/sql"
	"iter"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// All implements driver.Lister.
func (s *Store) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, "list all", &s.sql.all, 1)
}

// BySubject implements driver.Indexer.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.walkNamed(ctx, "list by subject", &s.sql.bySubject, 1, subject)
}

// ByLabel implements driver.Indexer.
func (s *Store) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return s.walkNamed(ctx, "list by label", &s.sql.byLabel, driver.MaxLabels, label)
}

func (s *Store) walkNamed(ctx context.Context, op string, st *statement, parts int, name string) iter.Seq2[driver.Record, error] {
	if name == "" || len(name) > driver.MaxSubject { // no record has it
		return func(func(driver.Record, error) bool) {}
	}
	return s.walk(ctx, op, st, parts, []byte(name))
}

// walk yields records in the order of their IDs and reads them page by page. It holds no connection while the caller's
// loop runs, so the loop may call the store even if the pool has only one. st takes its arguments once for each of its
// parts.
func (s *Store) walk(ctx context.Context, op string, st *statement, parts int, more ...any) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var page []driver.Record
		for after := ""; ; after = page[pageSize-1].ID.String() {
			args := slices.Repeat(append([]any{after, s.micros()}, more...), parts)
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
