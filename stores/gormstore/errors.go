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
	errTooLarge = fmt.Errorf("gormstore: more than %d labels, subject or label over %d bytes, or data over %d: %w", driver.MaxLabels, driver.MaxSubject, maxData, driver.ErrTooLarge)

	// errTaken is an INSERT's "the key is there", of a live record or not.
	errTaken = errors.New("gormstore: key taken")

	errUnsure = errors.New("the connection was lost, and the record has changed since")
)

// kind of error, by what it says about the database.
type kind int

const (
	isAnswer     kind = iota // done; or no row; or a row that is no record
	isTaken                  // the key of an INSERT is there
	isTooLarge               // refused for its size
	isRolledBack             // nothing happened, and may work at once
	isRefused                // the server said no, for a reason that stays
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

// exists asks the dialect, which knows its driver's errors.
func (t *table) exists(err error) bool {
	translator, ok := t.db.Dialector.(gorm.ErrorTranslator)
	return ok && errors.Is(translator.Translate(err), gorm.ErrDuplicatedKey)
}

// sqlState is the five characters of SQLSTATE that PostgreSQL's drivers have.
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
		"0A000": // a cached plan, after the table was altered
		return isRolledBack
	case "57P01", "57P02", "57P03": // shutting down, crashed, starting up
		return isLost
	}
	if strings.HasPrefix(state, "08") || strings.HasPrefix(state, "53") { // connection, resources
		return isLost
	}
	return isRefused
}

// kindOfNumber knows MySQL's four digits, of which SQL Server's deadlock is one, and
// SQLite's codes, where the low byte tells the kind.
func kindOfNumber(n int64) kind {
	switch n {
	case 1205, 1213, 1020, 1615: // lock timeout, deadlock, snapshot too old, prepare again
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

// denied reports whether the database can be reached and does not let this account make tables.
func denied(err error) bool {
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

// explained adds to an error of the database's what may be behind it, and the way out.
func explained(err error) error {
	state, _ := sqlState(err)
	if state == "26000" || state == "42P05" || state == "08P01" && strings.Contains(err.Error(), "prepared statement") {
		return fmt.Errorf("%w (a pooler between, like PgBouncer, gives each transaction another connection, which does not "+
			"have this one's prepared statements: put default_query_exec_mode=exec into pgx's DSN, or set PreferSimpleProtocol in "+
			"GORM's postgres.Config, or max_prepared_statements in a PgBouncer since 1.21)", err)
	}
	return err
}

// number finds the number that a driver's error has: a method Code of SQLite's in Go,
// else a field. The drivers are the application's choice, so their types are
// unknown here.
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
