package gormstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// removeBatch is how many rows CreateLimited deletes at a time. Usually it is two: the lock, and the oldest session.
const removeBatch = 8

// Abilities tells driver.AbilitiesOf what the Store can do. It is a driver.Limiter on the databases whose locks are
// tested.
func (s *Store) Abilities() driver.Abilities {
	can := driver.Abilities{Sweeper: s, Lister: s, Indexer: s, Counter: s, Pinger: s, Closer: s, Breaker: s, Inspector: s}
	if s.limits {
		can.Limiter = s
	}
	return can
}

// CreateLimited implements driver.Limiter, on PostgreSQL, MySQL, MariaDB and SQLite. It is a transaction. The first
// statement of the transaction inserts a row whose key belongs to the subject, and the last one deletes it. So the
// next transaction of the same subject waits there until this one has ended. Nobody ever sees the row.
func (s *Store) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) (removed []driver.ID, err error) {
	if !s.limits {
		return nil, errors.ErrUnsupported
	}
	err = s.create(ctx, opLimit, rec, func(now int64) (unsure bool, err error) {
		var run *limitRun    // of the last attempt: a call that outlasts the context may still write to it
		var lost []driver.ID // what an attempt before it has removed, if its COMMIT was carried out
		unsure, err = s.try(ctx, opLimit, func() error {
			again := run != nil
			if again && len(run.removed) > 0 {
				lost = run.removed
			}
			run = &limitRun{}
			return s.limitOnce(ctx, again, run, rec, limit, now)
		})
		switch {
		case err == nil && run.full:
			return unsure, errLimit
		case err == nil:
			removed = run.removed
		case errors.Is(err, errTaken): // create finds out whether that is our own record
			removed = lost
		}
		return unsure, err
	})
	if err != nil {
		return nil, err
	}
	return removed, nil
}

const opLimit = "create within a limit"

// limitRun is what one attempt has found out.
type limitRun struct {
	full    bool
	removed []driver.ID
}

func (s *Store) limitOnce(ctx context.Context, again bool, run *limitRun, rec *driver.Record, limit driver.Limit, now int64) error {
	leave, err := s.queue.enter(ctx, again)
	if err != nil {
		return err
	}
	defer leave()
	tx, err := s.pool.BeginTx(ctx, &sql.TxOptions{Isolation: s.isolation})
	if err != nil {
		return err
	}
	defer tx.Rollback()
	lock := lockOf(rec)
	if err := execIn(ctx, tx, &s.sql.lock, values(lock, now)...); err != nil {
		return err
	}
	found, err := s.sessionsIn(ctx, tx, rec.Subject, now)
	if err != nil {
		return err
	}
	surplus, err := limit.Surplus(rec, found, nil)
	if err != nil {
		run.full = true
		return nil
	}
	if err := execIn(ctx, tx, &s.sql.insert, values(rec, now)...); err != nil {
		return err
	}
	gone := append([]driver.ID{lock.ID}, surplus...)
	for len(gone) > 0 {
		n := min(len(gone), removeBatch)
		args := make([]any, removeBatch)
		for i := range args {
			args[i] = gone[min(i, n-1)].String() // the last one is repeated: the statement has a fixed number of them
		}
		if err := execIn(ctx, tx, &s.sql.remove, args...); err != nil {
			return err
		}
		gone = gone[n:]
	}
	run.removed = surplus
	return tx.Commit()
}

// lockOf returns the row by which a transaction locks out others of the same subject and namespace. It is never
// committed. It has no subject, and has expired.
func lockOf(rec *driver.Record) *driver.Record {
	const name = "coatcheck/gormstore/limit\x00"
	epoch := time.UnixMicro(0)
	return &driver.Record{
		ID:      sha256.Sum256(append(append([]byte(name), rec.ID[16:]...), rec.Subject...)),
		Created: epoch, Used: epoch, Expires: epoch,
	}
}

// sessionsIn returns the live records of a subject, as far as driver.Limit looks at them.
func (s *Store) sessionsIn(ctx context.Context, tx *sql.Tx, subject string, now int64) (found []driver.Record, err error) {
	rows, err := queryIn(ctx, tx, &s.sql.sessions, now, []byte(subject))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id idColumn
		var created int64
		var kind []byte // the second byte of Data, none if that is shorter
		if err := rows.Scan(&id, &created, &kind); err != nil {
			return nil, err
		}
		found = append(found, driver.Record{ID: driver.ID(id), Created: time.UnixMicro(created), Data: append([]byte{0}, kind...)})
	}
	return found, rows.Err()
}

func execIn(ctx context.Context, tx *sql.Tx, st *statement, args ...any) (err error) {
	if st.stmt != nil {
		_, err = tx.StmtContext(ctx, st.stmt).ExecContext(ctx, args...)
	} else {
		_, err = tx.ExecContext(ctx, st.text, args...)
	}
	return err
}

func queryIn(ctx context.Context, tx *sql.Tx, st *statement, args ...any) (*sql.Rows, error) {
	if st.stmt != nil {
		return tx.StmtContext(ctx, st.stmt).QueryContext(ctx, args...)
	}
	return tx.QueryContext(ctx, st.text, args...)
}

// Count implements driver.Counter. It counts the records of ended sessions, too: leaving them out would mean to read
// the data of all rows.
func (s *Store) Count(ctx context.Context, namespace [16]byte) (int, error) {
	var n int
	err := s.row(ctx, "count", &s.sql.count, []any{s.micros(), "%" + hex.EncodeToString(namespace[:])}, &n)
	if err != nil {
		return 0, err
	}
	return n, nil
}
