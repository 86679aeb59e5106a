package gormstore

import (
	"context"
	"database/sql"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// minSleep is the shortest sleep of Sweep after a batch. It limits a sweep to 5000 rows a second, however fast the
// database is. The database has more work afterwards (purge, log, vacuum), which the time of a batch does not include.
const minSleep = 10 * time.Millisecond

// sweep is the state of the current pass. A pass continues at the deadline of the last row that it saw. Otherwise it
// would read the index entries of deleted rows again with each batch: PostgreSQL keeps them until a vacuum.
type sweep struct {
	running chan struct{} // full while a Sweep runs: one at a time
	from    int64         // a deadline in microseconds
}

// Sweep implements driver.Sweeper. It selects a batch without locks, and then deletes those rows by primary key if they
// are still expired. So it locks no other rows, no gaps between rows and no tables, in any dialect. After a batch it
// sleeps twice as long as the batch took, and at least 10 ms, so that a million expired rows do not slow the readers
// down. If a connection is lost before it reports how many rows were deleted, the result does not include them.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	select {
	case s.sweep.running <- struct{}{}:
		defer func() { <-s.sweep.running }()
	case <-ctx.Done():
		return 0, driver.Unavailable("gormstore: sweep", ctx.Err())
	}
	now, removed := s.micros(), 0
	for removed < limit {
		start := time.Now()
		ids, last, err := s.expired(ctx, now)
		if err != nil {
			return removed, err
		}
		over := len(ids) < batchSize
		if len(ids) > limit-removed {
			ids, over = ids[:limit-removed], false
			last = s.sweep.from // the next Sweep continues here
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
		if err := sleep(ctx, max(2*time.Since(start), minSleep)); err != nil {
			return removed, driver.Unavailable("gormstore: sweep", err)
		}
	}
	return removed, nil
}

// expired returns the keys of expired records, at most a batch, and the last one's deadline.
func (s *Store) expired(ctx context.Context, now int64) ([]string, int64, error) {
	var ids []string
	var last int64
	err := s.rows(ctx, "sweep", &s.sql.expired, []any{s.sweep.from, now}, func() { ids = ids[:0] }, func(rows *sql.Rows) error {
		var id string
		ids = append(ids, "")
		err := rows.Scan(&id, &last)
		ids[len(ids)-1] = id
		return err
	})
	if err != nil {
		return nil, 0, err // a call that outlasts the context may still write to ids
	}
	return ids, last, nil
}

// batch returns the arguments of the sweep statement. It repeats the last key, because a prepared statement has a fixed
// number of them.
func batch(now int64, ids []string) []any {
	args := make([]any, 1, 1+batchSize)
	args[0] = now
	for i := range batchSize {
		args = append(args, ids[min(i, len(ids)-1)])
	}
	return args
}
