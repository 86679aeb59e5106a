// Package gormstore keeps sessions in the application's own database, through
// its *gorm.DB. It is for services on several machines that run a database
// already: PostgreSQL, MySQL or MariaDB, SQLite, and others on trial.
//
//	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{})
//	err = gormstore.Migrate(db, gormstore.Config{}) // or run Migrate's SQL in a migration of your own
//	store, err := gormstore.New(db, gormstore.Config{})
//
// Read next: package core, which takes the store in its Config; [Migrate], which has
// the table's SQL; package cachedstore, for fewer reads of the database.
//
// # Expiry
//
// The deadline is a column, in microseconds since 1970 (UTC), and compared with the
// application server's clock; keep the servers' clocks together, as NTP does. An
// expired record is absent for every method. Its row goes when Sweep comes by, so let
// core sweep: rows go in batches of 50 by primary key, so that no lock lasts, and
// after each batch Sweep rests twice as long as that took, 10 ms at least.
//
// # Concurrency
//
// Create, Update, Touch and Delete are one statement each, which is atomic at every
// isolation level, without BEGIN and COMMIT. The number of rows says whether it
// worked; only where it did not, a second statement asks why. What the database has
// rolled back by itself (deadlock, serialization failure, lock timeout, SQLITE_BUSY) is
// tried again until the context's deadline, two seconds at most. After a lost connection a
// call is tried again, twice, on one that has been proved to live; an Update that then finds
// another version, or no record, answers ErrUnavailable, since its first try may have been done.
// After five calls in a row without an answer, of which the last began after the first had
// failed, calls fail at once, and one each 250 ms finds out whether the database is back.
//
// No method holds a connection while it waits for the caller or for another
// connection, so MaxOpenConns may be 1. But a handler which then keeps a transaction open
// while its session is loaded or saved waits for itself: that call ends with
// ErrUnavailable at core's StoreTimeout, and the transaction goes on. End transactions
// before the response is written, or give sessions a pool of their own. The store never
// joins the application's transaction: a rollback would bring back a session that has
// been logged out, and undo one whose cookie has been sent.
//
// # Capabilities
//
// Sweeper, Lister, Indexer, Pinger and io.Closer. BySubject and ByLabel use indexes. They
// and All read pages of 100 records by key. Not Successor: two rows take a transaction in most
// databases, which is four round trips, and core's Create and Update are two and leave
// at worst an unused record. Not Reloader: Load always asks the database.
//
// # Limits
//
// Data of up to 2 MiB, which fits the packets of every server's default settings. The
// statements do not pass through GORM's callbacks, loggers and plugins: a plugin that
// sends reads to replicas does not see them, since a replica may not know yet that a
// session has ended, and no log shows a session's ID or data.
//
// New looks at the table and refuses one that would cut a value off or mix sessions up: a column that is missing, too
// short, of another type or made by MySQL, an id that upper and lower case are one for, no primary key on id alone, an
// engine of MySQL's without transactions. So an empty sql_mode, under which MySQL cuts off what is too long, does no harm. It
// does not look for the other indexes: without them, all is right and slow.
//
// PostgreSQL, MariaDB and SQLite are tested. Other dialects get standard SQL
// (OFFSET .. FETCH) and GORM's AutoMigrate; run storetest before you trust one.
//
// MySQL and MariaDB statements are prepared once for each connection. pgx
// prepares by itself, or does not if told so: its settings are
// respected. gorm.Config.PrepareStmt makes every dialect prepare.
//
// Behind PgBouncer in transaction mode, most calls fail with pgx's default: the connection of the next transaction
// does not have the statements of the last one. Put default_query_exec_mode=exec into the DSN (or simple_protocol, which is
// PreferSimpleProtocol in GORM's postgres.Config), or use a PgBouncer since 1.21 with max_prepared_statements; and leave
// gorm.Config.PrepareStmt off.
//
// MySQL and MariaDB keep rows in the order of their keys, which are random: the buffer
// pool should hold the table, or every write, and above all a Sweep, waits for the disk.
// They have no partial indexes, either. PostgreSQL and SQLite leave a session without subject
// and labels out of the four indexes that find these; MySQL and MariaDB have each session in
// all four. The three for labels cost 300 bytes a session and a quarter more time
// for each Create (measured on MariaDB). An application that has no labels may drop them:
// ByLabel then reads the whole table, and everything else is as before.
//
// For every server, set SetMaxIdleConns near the number of concurrent requests: its
// default of 2 makes a busy application dial anew all the time. Set the driver's connect
// timeout (connect_timeout=2 for pgx, timeout=2s&readTimeout=3s for MySQL), because database/sql opens some
// connections without a deadline. For SQLite, use WAL, in which readers and the writer do not
// wait for one another, and a short busy timeout: a wait for a lock holds its connection
// that long, even when the caller has been told that the time is up.
//
//	sessions.db?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(500)
//
// # Durability
//
// The database's own: what a method acknowledged has been committed. Settings that let a
// commit return before it is on disk (synchronous_commit=off,
// innodb_flush_log_at_trx_commit=2, synchronous=NORMAL in WAL) hold for sessions, too: a loss of
// power may then take back the last moments, a crash of the process does not,
// save for synchronous_commit=off and innodb_flush_log_at_trx_commit=0. An UNLOGGED table of PostgreSQL is empty
// after a crash of the server or a failover: New warns of one, through the logger of db.
package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/breaker"
)

var (
	_ driver.Store   = (*Store)(nil)
	_ driver.Sweeper = (*Store)(nil)
	_ driver.Lister  = (*Store)(nil)
	_ driver.Indexer = (*Store)(nil)
	_ driver.Pinger  = (*Store)(nil)
)

// Store is a table of sessions. Its methods may be called concurrently.
type Store struct {
	pool    *sql.DB
	sql     statements
	breaker *breaker.Breaker
	now     func() time.Time
	exists  func(error) bool // whether an INSERT failed because the key is taken
	deaf    bool             // calls of the driver may outlast the context
	sweep   sweep
}

// startTimeout bounds what New and Migrate do.
const startTimeout = 15 * time.Second

// New returns a store on the table that Migrate makes. It checks config and asks the database, for at most 15
// seconds. It refuses a db that is nil or a transaction, connections that do not commit by themselves, and
// a table that is missing or cannot hold sessions (see Limits). db stays the caller's to close.
func New(db *gorm.DB, config Config) (*Store, error) {
	t, err := newTable(db, config)
	if err != nil {
		return nil, err
	}
	s := &Store{breaker: breaker.New(0, 0), now: t.now, exists: t.exists, deaf: t.dialect.deaf}
	if s.pool, err = db.DB(); err != nil {
		return nil, fmt.Errorf("gormstore: the *gorm.DB has no *sql.DB: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	if err := t.check(ctx, s.pool); err != nil {
		return nil, err
	}
	if err := t.warn(ctx, s.pool); err != nil {
		return nil, err
	}
	s.sweep.turn = make(chan struct{}, 1)
	s.sql = t.statements()
	if db.Config.PrepareStmt || t.dialect.prepare {
		if err := s.sql.prepare(ctx, s.pool); err != nil {
			return nil, fmt.Errorf("gormstore: prepare the statements: %w", explained(err))
		}
	}
	return s, nil
}

// Info implements driver.Backend.
func (*Store) Info() driver.Info { return driver.Info{Name: "gormstore"} }

// Ping reads from the table.
func (s *Store) Ping(ctx context.Context) error {
	_, err := s.version(ctx, "ping", "", 0)
	if errors.Is(err, errNotFound) {
		return nil
	}
	return err
}

// Close closes the statements that New prepared. The *gorm.DB and its connections stay open: they are the
// caller's to close.
func (s *Store) Close() error {
	if err := s.sql.close(); err != nil {
		return fmt.Errorf("gormstore: close: %w", err)
	}
	return nil
}

func (s *Store) micros() int64 { return s.now().UnixMicro() }
