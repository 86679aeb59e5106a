package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

const (
	maxLost   = 2                     // more tries after a lost connection
	patience  = 2 * time.Second       // for what was rolled back, where the context has no deadline
	longPause = 50 * time.Millisecond // between two tries
)

// try runs one call of the database until it has an answer. Its errors are the
// contract's, except for sql.ErrNoRows and errTaken. unsure says that a connection was
// lost on the way: the call before the last may have had its effect, too.
func (s *Store) try(ctx context.Context, op string, call func() error) (unsure bool, err error) {
	if err := ended(ctx); err != nil { // as the call before may have seen already
		return false, driver.Unavailable("gormstore: "+op, err)
	}
	if err := s.breaker.Allow(); err != nil {
		return false, driver.Unavailable("gormstore: "+op, err)
	}
	start, lost := time.Now(), 0
	for attempt := 0; ; attempt++ {
		begun := time.Now()
		err := s.call(ctx, call)
		// A driver may say "done" or "no rows" when it means "stopped, since the
		// context has ended": SQLite's do. So no answer counts after the end.
		if end := ended(ctx); end != nil {
			return true, s.stopped(ctx, op, begun, end, err)
		}
		kind := s.kind(err)
		if kind == isLost {
			s.breaker.Failure(begun, err)
			lost++
		} else {
			s.breaker.Success()
		}
		switch {
		case kind == isAnswer:
			return lost > 0, err
		case kind == isTaken:
			return lost > 0, errTaken
		case kind == isTooLarge:
			return lost > 0, errTooLarge
		case kind == isRolledBack && time.Since(start) < patience:
			if end := pause(ctx, attempt); end != nil {
				return lost > 0, s.stopped(ctx, op, begun, end, err)
			}
		case kind == isLost && lost <= maxLost && s.reconnected(ctx):
		default:
			return lost > 0, driver.Unavailable("gormstore: "+op, explained(err))
		}
	}
}

// reconnected reports whether the database can be reached after a connection was
// lost. A server that was restarted leaves a pool of dead connections, of which each would
// cost a call: this weeds them out.
func (s *Store) reconnected(ctx context.Context) bool {
	for range s.pool.Stats().Idle + 1 {
		if s.pool.PingContext(ctx) == nil {
			return true
		}
	}
	return false
}

// call ends with the context even where the driver does not: SQLite's wait for a lock
// does not listen. What the caller then leaves behind ends by the database's own busy
// timeout, and nobody looks at its results.
func (s *Store) call(ctx context.Context, call func() error) error {
	if !s.deaf || ctx.Done() == nil {
		return call()
	}
	type outcome struct {
		err      error
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: errors.New("the call did not return")}
		defer func() { o.panicked = recover(); done <- o }()
		o.err = call()
	}()
	select {
	case o := <-done:
		if o.panicked != nil { // of the driver, a plugin of gorm or its logger: here somebody may recover from it
			panic(o.panicked)
		}
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stopped is the error of a call during which the context ended. A caller who
// went away says nothing about the database; a deadline that passed does, if it left the database some time.
func (s *Store) stopped(ctx context.Context, op string, begun time.Time, end, err error) error {
	if errors.Is(end, context.DeadlineExceeded) && s.kind(err) != isRolledBack && breaker.HadTime(ctx, begun) {
		s.breaker.Failure(begun, end)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) && !errors.Is(err, end) {
		end = errors.Join(end, err)
	}
	return driver.Unavailable("gormstore: "+op, end)
}

// ended is the context's error, and also where a driver that has set the deadline on
// its socket was faster than the context's own timer.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// pause waits a random time that grows.
func pause(ctx context.Context, attempt int) error {
	return rest(ctx, time.Millisecond/4+rand.N(min(time.Millisecond<<min(attempt, 10), longPause)))
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// exec runs a statement and returns how many rows it changed, and whether it may have
// run before, unseen.
func (s *Store) exec(ctx context.Context, op string, st *statement, args ...any) (int64, bool, error) {
	var n int64
	unsure, err := s.try(ctx, op, func() error {
		var result sql.Result
		var err error
		if st.stmt != nil {
			result, err = st.stmt.ExecContext(ctx, args...)
		} else {
			result, err = s.pool.ExecContext(ctx, st.text, args...)
		}
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, unsure, err // n may still be written to
	}
	return n, unsure, nil
}

// row reads one row into dest, or answers sql.ErrNoRows.
func (s *Store) row(ctx context.Context, op string, st *statement, args []any, dest ...any) error {
	_, err := s.try(ctx, op, func() error {
		if st.stmt != nil {
			return st.stmt.QueryRowContext(ctx, args...).Scan(dest...)
		}
		return s.pool.QueryRowContext(ctx, st.text, args...).Scan(dest...)
	})
	return err
}

// rows reads all rows of a page. begin is called before each try.
func (s *Store) rows(ctx context.Context, op string, st *statement, args []any, begin func(), scan func(*sql.Rows) error) error {
	_, err := s.try(ctx, op, func() error {
		begin()
		var rows *sql.Rows
		var err error
		if st.stmt != nil {
			rows, err = st.stmt.QueryContext(ctx, args...)
		} else {
			rows, err = s.pool.QueryContext(ctx, st.text, args...)
		}
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return err
}
