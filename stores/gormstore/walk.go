package gormstore

import (
	"cmp"
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
// parts. A damaged row hides no other: the walk ends in ErrCorrupt after it has shown them.
func (s *Store) walk(ctx context.Context, op string, st *statement, parts int, more ...any) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var page []driver.Record
		var found struct { // what a call that outlasts the context may still write to
			rows int
			last string // the last row's ID, as the database orders them
			err  error
		}
		var corrupt error
		for {
			args := slices.Repeat(append([]any{found.last, s.micros()}, more...), parts)
			before := found.last
			err := s.rows(ctx, op, st, args, func() { page, found.rows, found.last = page[:0], 0, before }, func(rows *sql.Rows) error {
				var r row
				err := rows.Scan(r.dest()...)
				found.rows++
				if err == nil {
					found.last = driver.ID(r.id).String()
					page = append(page, r.record())
					return nil
				}
				if found.last, err = idOfRow(rows, len(r.dest())); err != nil {
					return err
				}
				found.err = driver.Corrupt("gormstore: a row holds what no record has")
				return nil
			})
			if err != nil {
				yield(driver.Record{}, err)
				return
			}
			corrupt = cmp.Or(corrupt, found.err)
			for _, rec := range page {
				if !yield(rec, nil) {
					return
				}
			}
			if found.rows < pageSize {
				if corrupt != nil {
					yield(driver.Record{}, corrupt)
				}
				return
			}
		}
	}
}

// idOfRow returns the first column of a damaged row, whatever it holds: the walk goes on behind it.
func idOfRow(rows *sql.Rows, columns int) (id string, err error) {
	cells := make([]any, columns)
	for i := range cells {
		cells[i] = new(any)
	}
	cells[0] = &id
	return id, rows.Scan(cells...)
}
