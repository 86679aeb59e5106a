package gormstore

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	errNotFound = fmt.Errorf("gormstore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("gormstore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("gormstore: %w", driver.ErrConflict)
	errLimit    = fmt.Errorf("gormstore: %w", driver.ErrLimit)
	errTooLarge = fmt.Errorf("gormstore: more than %d labels, a subject or label over %d bytes, or data over %d bytes: %w",
		driver.MaxLabels, driver.MaxSubject, maxData, driver.ErrTooLarge)

	// errTaken says that an INSERT found its key in use, by a live record or an expired one.
	errTaken = errors.New("gormstore: key taken")

	errUnknownOutcome = errors.New("the connection was lost, and the record has changed since then: " +
		"the write may have succeeded")
)

// kind classifies an error by what it says about the database.
type kind int

const (
	isAnswer     kind = iota // success, no row, or a row that is no record
	isTaken                  // an INSERT found its key in use
	isTooLarge               // refused because of its size
	isRolledBack             // nothing was changed, and a retry may work
	isRefused                // the server refused, and a retry would not help
	isLost                   // no server, no connection or no answer
)

func (s *Store) kind(err error) kind {
	switch {
	case err == nil, errors.Is(err, sql.ErrNoRows), errors.Is(err, driver.ErrCorrupt):
		return isAnswer
	case s.exists(err):
		return isTaken
	}
	if state, ok := sqlState(err); ok {
		return kindOfState(state)
	}
	if number, ok := number(err); ok {
		return kindOfNumber(number)
	}
	return isLost
}

// exists reports whether an INSERT failed because its key is in use. It asks the dialect, which knows its driver's
// errors.
func (t *table) exists(err error) bool {
	translator, ok := t.db.Dialector.(gorm.ErrorTranslator)
	return ok && errors.Is(translator.Translate(err), gorm.ErrDuplicatedKey)
}

// sqlState returns the five characters of SQLSTATE in an error of a PostgreSQL driver.
func sqlState(err error) (string, bool) {
	var with interface{ SQLState() string }
	if errors.As(err, &with) {
		return with.SQLState(), true
	}
	return "", false
}

func kindOfState(state string) kind {
	switch state {
	case "40001", "40P01", "55P03", // serialization failure, deadlock, lock timeout
		"0A000": // a cached plan is out of date, because the table was altered
		return isRolledBack
	case "57P01", "57P02", "57P03": // shutting down, crashed, starting up
		return isLost
	}
	if strings.HasPrefix(state, "08") || strings.HasPrefix(state, "53") { // connection, resources
		return isLost
	}
	return isRefused
}

// kindOfNumber classifies MySQL's error numbers, which have four digits, and SQLite's codes, whose low byte tells the
// kind. SQL Server's number for a deadlock is the same as MySQL's for a lock timeout.
func kindOfNumber(n int64) kind {
	switch n {
	case 1205, 1213, 1020, 1615: // lock timeout, deadlock, snapshot too old, statement must be prepared again
		return isRolledBack
	case 1153, 1406, 1301: // packet, column, result too long
		return isTooLarge
	case 1040, 1053, 1152, 1158, 1159, 1160, 1161, 1203, 1927: // too many connections, shutdown, network, killed
		return isLost
	}
	if n < 1000 {
		switch n & 0xff {
		case 5, 6: // SQLITE_BUSY, SQLITE_LOCKED
			return isRolledBack
		case 18: // SQLITE_TOOBIG
			return isTooLarge
		case 10, 14: // SQLITE_IOERR, SQLITE_CANTOPEN: the disk, the file
			return isLost
		}
	}
	return isRefused
}

// lacksPrivilege reports whether the database answered, but does not let this account create tables.
func lacksPrivilege(err error) bool {
	if state, ok := sqlState(err); ok {
		return state == "42501" || state == "25006" // no privilege, read-only
	}
	switch n, ok := number(err); {
	case !ok:
		return false
	case n < 1000:
		return n&0xff == 3 || n&0xff == 8 || n&0xff == 23 // SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH
	default:
		return n == 1044 || n == 1142 || n == 1227 || n == 1290 || n == 1836 // no privilege, read-only
	}
}

// withAdvice adds the likely cause and the remedy to an error of the database.
func withAdvice(err error) error {
	state, _ := sqlState(err)
	if state == "26000" || state == "42P05" || state == "08P01" && strings.Contains(err.Error(), "prepared statement") {
		return fmt.Errorf("%w (is there a pooler like PgBouncer before the database? It gives each transaction another "+
			"connection, which lacks the prepared statements: put default_query_exec_mode=exec into pgx's DSN, or set "+
			"PreferSimpleProtocol in GORM's postgres.Config, or max_prepared_statements in PgBouncer 1.21 or newer)", err)
	}
	return err
}

// number finds the number in a driver's error. SQLite drivers written in pure Go have a method Code, other drivers have a
// field. The application chooses the driver, so this package does not know the error types.
func number(err error) (int64, bool) {
	for ; err != nil; err = errors.Unwrap(err) {
		if with, ok := err.(interface{ Code() int }); ok {
			return int64(with.Code()), true
		}
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() != reflect.Struct {
			continue
		}
		for _, name := range []string{"Number", "Code"} {
			switch f := v.FieldByName(name); {
			case f.IsValid() && f.CanInt():
				return f.Int(), true
			case f.IsValid() && f.CanUint():
				return int64(f.Uint()), true
			}
		}
	}
	return 0, false
}
