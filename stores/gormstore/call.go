package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

const (
	maxLost    = 2                     // retries after a lost connection
	retryFor   = 2 * time.Second       // how long to retry what was rolled back, if the context has no deadline
	maxBackOff = 50 * time.Millisecond // between two attempts
)

// try calls the database until it has an answer. Its errors are those of package driver, except for sql.ErrNoRows and
// errTaken. unsure says that a connection was lost: an attempt before the last may have had its effect, too.
func (s *Store) try(ctx context.Context, op string, call func() error) (unsure bool, err error) {
	if err := contextErr(ctx); err != nil {
		return false, driver.Unavailable("gormstore: "+op, err)
	}
	if err := s.breaker.Allow(); err != nil {
		return false, driver.Unavailable("gormstore: "+op, err)
	}
	until, ok := ctx.Deadline()
	if !ok {
		until = time.Now().Add(retryFor)
	}
	lost := 0
	for attempt := 0; ; attempt++ {
		begun := time.Now()
		err := s.call(ctx, call)
		// When the context ends, a driver may stop and report success or "no rows", as SQLite's
		// drivers do. So no answer counts after the end.
		if end := contextErr(ctx); end != nil {
			return true, s.interrupted(ctx, op, begun, end, err)
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
		case kind == isRolledBack && time.Now().Before(until):
			if end := backOff(ctx, attempt); end != nil {
				return lost > 0, s.interrupted(ctx, op, begun, end, err)
			}
		case kind == isLost && lost <= maxLost && s.reconnected(ctx):
		default:
			return lost > 0, driver.Unavailable("gormstore: "+op, withAdvice(err))
		}
	}
}

// reconnected reports whether the database can be reached after a connection was lost. After a restart of the server,
// the pool may be full of dead connections. Each would make a call fail, so the pings remove them.
func (s *Store) reconnected(ctx context.Context) bool {
	for range s.pool.Stats().Idle + 1 {
		if s.pool.PingContext(ctx) == nil {
			return true
		}
	}
	return false
}

// call returns when the context ends, even if the driver does not: SQLite's wait for a lock ignores the context. The
// abandoned call then ends at the database's busy timeout, and nobody reads its results.
func (s *Store) call(ctx context.Context, call func() error) error {
	if !s.outlasts || ctx.Done() == nil {
		return call()
	}
	done := s.helpers.do(call)
	select {
	case o := <-done:
		if o.panicked != nil { // in the driver, a GORM plugin or its logger: panic here, where the caller can recover
			panic(o.panicked)
		}
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// interrupted returns the error of a call during which the context ended. A canceled context says nothing about the
// database. A deadline that passed does, if it gave the database enough time.
func (s *Store) interrupted(ctx context.Context, op string, begun time.Time, end, err error) error {
	if errors.Is(end, context.DeadlineExceeded) && s.kind(err) != isRolledBack && breaker.HadTime(ctx, begun) {
		s.breaker.Failure(begun, end)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) && !errors.Is(err, end) {
		end = errors.Join(end, err)
	}
	return driver.Unavailable("gormstore: "+op, end)
}

// contextErr returns the context's error. It does not wait for the context's timer: a driver that sets the deadline on
// its socket may notice it earlier.
func contextErr(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// backOff sleeps for a random time that grows with the attempts.
func backOff(ctx context.Context, attempt int) error {
	return sleep(ctx, time.Millisecond/4+rand.N(min(time.Millisecond<<min(attempt, 10), maxBackOff)))
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// exec runs a statement. It returns how many rows the statement changed. unsure is that of try.
func (s *Store) exec(ctx context.Context, op string, st *statement, args ...any) (
	changed int64, unsure bool, err error,
) {
	var run struct { // what a call that outlasts the context may still write to
		changed int64
		again   bool
	}
	unsure, err = s.try(ctx, op, func() error {
		leave, err := s.queue.enter(ctx, run.again)
		if err != nil {
			return err
		}
		defer leave()
		run.again = true
		var result sql.Result
		if st.stmt != nil {
			result, err = st.stmt.ExecContext(ctx, args...)
		} else {
			result, err = s.pool.ExecContext(ctx, st.text, args...)
		}
		if err == nil {
			run.changed, err = result.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, unsure, err
	}
	return run.changed, unsure, nil
}

// row reads one row into dest. It returns sql.ErrNoRows if there is none.
func (s *Store) row(ctx context.Context, op string, st *statement, args []any, dest ...any) error {
	_, err := s.try(ctx, op, func() (err error) {
		defer func() { err = damaged(err) }()
		switch {
		case st.stmt != nil:
			return st.stmt.QueryRowContext(ctx, args...).Scan(dest...)
		case s.reads && !st.long:
			return s.direct(ctx, st.text, args, dest)
		case !s.outlasts || st.long:
			return s.pool.QueryRowContext(ctx, st.text, args...).Scan(dest...)
		}
		return s.unwatched(ctx, func(ctx context.Context, conn *sql.Conn) error {
			return conn.QueryRowContext(ctx, st.text, args...).Scan(dest...)
		})
	})
	return err
}

// damaged makes a value that does not fit its column an ErrCorrupt: SQLite keeps any type in any column. The database
// has answered, so it is no outage.
func damaged(err error) error {
	if err == nil || errors.Is(err, driver.ErrCorrupt) || !strings.HasPrefix(err.Error(), "sql: Scan error") {
		return err
	}
	return driver.Corrupt("gormstore: a column holds what no record has")
}

// unwatched makes a short read with a context that does not end, on a connection for which it has waited no longer than
// ctx allows. For a context that ends, database/sql and SQLite's drivers start a goroutine each, at every statement. They
// take as long as the statement, and a read does not need them: call returns at the end of ctx. A write does: the driver
// then ends it, although only after its wait for a lock. So a write that was reported as not made is not made later.
func (s *Store) unwatched(ctx context.Context, read func(ctx context.Context, conn *sql.Conn) error) error {
	conn, err := s.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return read(context.WithoutCancel(ctx), conn)
}

// rows reads all rows of a page. It calls begin before each attempt.
func (s *Store) rows(
	ctx context.Context, op string, st *statement, args []any, begin func(), scan func(*sql.Rows) error,
) error {
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
				return damaged(err)
			}
		}
		return rows.Err()
	})
	return err
}
