package gormstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// minRest is the least that Sweep rests after a batch. It bounds a sweep to 5000 rows a
// second, however fast the database is: its own work afterwards (purge, log, vacuum)
// is not in the batch's time.
const minRest = 10 * time.Millisecond

// sweep is where the present pass is. A pass goes on from the deadline of the last
// row that it saw: what is left in the index of the rows before it (PostgreSQL keeps
// entries until a vacuum) is not read again and again.
type sweep struct {
	turn chan struct{} // one Sweep at a time
	from int64
}

// Sweep implements driver.Sweeper. A batch is chosen without locks and then deleted by
// primary key, if it still is expired: other rows, gaps between rows and tables stay
// unlocked in every dialect. After a batch it rests twice as long as that took, and
// minRest at least, so that a million expired rows do not take the database from those
// who read. Rows that went with a connection, before it could say so, are not in the number.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	select {
	case s.sweep.turn <- struct{}{}:
		defer func() { <-s.sweep.turn }()
	case <-ctx.Done():
		return 0, driver.Unavailable("gormstore: sweep", ctx.Err())
	}
	now, removed := s.micros(), 0
	for removed < limit {
		start := time.Now()
		ids, last, err := s.dead(ctx, now)
		if err != nil {
			return removed, err
		}
		over := len(ids) < batchSize
		if len(ids) > limit-removed {
			ids, over = ids[:limit-removed], false
			last = s.sweep.from // the rest is for the next Sweep
		}
		if len(ids) > 0 {
			n, _, err := s.exec(ctx, "sweep", &s.sql.sweep, batch(now, ids)...)
			removed += int(n)
			if err != nil {
				return removed, err
			}
		}
		if s.sweep.from = last; over {
			s.sweep.from = 0
			break
		}
		if err := rest(ctx, max(2*time.Since(start), minRest)); err != nil {
			return removed, driver.Unavailable("gormstore: sweep", err)
		}
	}
	return removed, nil
}

// dead returns expired records' keys, a batch at most, and the last one's deadline.
func (s *Store) dead(ctx context.Context, now int64) ([]string, int64, error) {
	var ids []string
	var last int64
	err := s.rows(ctx, "sweep", &s.sql.dead, []any{s.sweep.from, now}, func() { ids = ids[:0] }, func(rows *sql.Rows) error {
		var id string
		ids = append(ids, "")
		err := rows.Scan(&id, &last)
		ids[len(ids)-1] = id
		return err
	})
	if err != nil {
		return nil, 0, err // ids may still be written to
	}
	return ids, last, nil
}

// batch repeats the last key to the length that the prepared statement has.
func batch(now int64, ids []string) []any {
	args := make([]any, 1, 1+batchSize)
	args[0] = now
	for i := range batchSize {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	return args
}
