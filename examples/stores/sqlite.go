package main

import (
	"os"

	"github.com/glebarez/sqlite"
)

// openSQLite keeps sessions in a file: for one machine, as its own database or beside the
// application's tables.
func openSQLite(file string) (*gormStore, error) {
	// SQLite would make a file that everybody on the machine can read, and with it the sessions.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// WAL: who reads does not wait for who writes. A short busy_timeout: a wait for a lock holds its
	// connection that long, even when the request has given up.
	return openGorm(sqlite.Open(file + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(500)"))
}
