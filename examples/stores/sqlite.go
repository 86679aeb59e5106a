package main

import (
	"os"

	"github.com/glebarez/sqlite"
)

// openSQLite keeps sessions in a file on one machine. The file may be a database of its own or contain the
// application's tables, too.
func openSQLite(file string) (*gormStore, error) {
	// SQLite would make a file that everybody on the machine can read.
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	// With WAL, readers do not wait for a writer. busy_timeout is short, because a wait for a lock holds its
	// connection that long, even when the request has given up.
	return openGorm(sqlite.Open(file + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(500)"))
}
