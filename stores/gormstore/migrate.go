package gormstore

import (
	"context"
	"database/sql"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// Migrate creates the table and its indexes if they do not exist. It does not change an existing table, and returns an
// error if New would refuse that. If the account may not create tables, Migrate returns nil when the table is right,
// and does not check the indexes. Several servers may call it at once. It takes at most 15 seconds.
//
// If you manage migrations yourself, use this SQL.
//
// PostgreSQL:
//
//	CREATE TABLE coatcheck_sessions (
//		id char(64) COLLATE "C" PRIMARY KEY,
//		subject bytea NOT NULL,
//		label1 bytea NOT NULL,
//		label2 bytea NOT NULL,
//		label3 bytea NOT NULL,
//		created_us bigint NOT NULL,
//		used_us bigint NOT NULL,
//		expires_us bigint NOT NULL,
//		version bigint NOT NULL,
//		data bytea NOT NULL
//	);
//	CREATE INDEX coatcheck_sessions_subject ON coatcheck_sessions (subject, id) WHERE length(subject) > 0;
//	CREATE INDEX coatcheck_sessions_label1 ON coatcheck_sessions (label1, id) WHERE length(label1) > 0;
//	CREATE INDEX coatcheck_sessions_label2 ON coatcheck_sessions (label2, id) WHERE length(label2) > 0;
//	CREATE INDEX coatcheck_sessions_label3 ON coatcheck_sessions (label3, id) WHERE length(label3) > 0;
//	CREATE INDEX coatcheck_sessions_expires ON coatcheck_sessions (expires_us);
//
// MySQL and MariaDB:
//
//	CREATE TABLE coatcheck_sessions (
//		id char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
//		subject varbinary(255) NOT NULL,
//		label1 varbinary(255) NOT NULL,
//		label2 varbinary(255) NOT NULL,
//		label3 varbinary(255) NOT NULL,
//		created_us bigint NOT NULL,
//		used_us bigint NOT NULL,
//		expires_us bigint NOT NULL,
//		version bigint NOT NULL,
//		data mediumblob NOT NULL,
//		KEY coatcheck_sessions_subject (subject, id),
//		KEY coatcheck_sessions_label1 (label1, id),
//		KEY coatcheck_sessions_label2 (label2, id),
//		KEY coatcheck_sessions_label3 (label3, id),
//		KEY coatcheck_sessions_expires (expires_us)
//	) ENGINE=InnoDB;
//
// SQLite:
//
//	CREATE TABLE coatcheck_sessions (
//		id TEXT NOT NULL PRIMARY KEY,
//		subject BLOB NOT NULL,
//		label1 BLOB NOT NULL,
//		label2 BLOB NOT NULL,
//		label3 BLOB NOT NULL,
//		created_us INTEGER NOT NULL,
//		used_us INTEGER NOT NULL,
//		expires_us INTEGER NOT NULL,
//		version INTEGER NOT NULL,
//		data BLOB NOT NULL
//	);
//	CREATE INDEX coatcheck_sessions_subject ON coatcheck_sessions (subject, id) WHERE length(subject) > 0;
//	CREATE INDEX coatcheck_sessions_label1 ON coatcheck_sessions (label1, id) WHERE length(label1) > 0;
//	CREATE INDEX coatcheck_sessions_label2 ON coatcheck_sessions (label2, id) WHERE length(label2) > 0;
//	CREATE INDEX coatcheck_sessions_label3 ON coatcheck_sessions (label3, id) WHERE length(label3) > 0;
//	CREATE INDEX coatcheck_sessions_expires ON coatcheck_sessions (expires_us);
//
// Times are microseconds since 1970 in UTC. Subjects are bytes. To find a user's sessions, write
// WHERE subject = 'alice' in PostgreSQL and MySQL, and WHERE subject = CAST('alice' AS BLOB) in SQLite. A label that a
// session does not have is empty, not NULL.
func Migrate(db *gorm.DB, config Config) error { return migrate(context.Background(), db, config) }

func migrate(ctx context.Context, db *gorm.DB, config Config) error {
	t, err := newTable(db, config)
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return fmt.Errorf("gormstore: the *gorm.DB has no *sql.DB: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	silent := db.Session(&gorm.Session{NewDB: true, Context: ctx, Logger: logger.Discard})
	// Despite IF NOT EXISTS, two servers may try at once. PostgreSQL and SQLite then refuse one of them.
	for attempt := 0; ; attempt++ {
		err := t.migrate(silent)
		if err == nil {
			return t.check(ctx, pool)
		}
		if lacksPrivilege(err) || attempt == 5 || backOff(ctx, 5) != nil {
			return t.afterFailure(ctx, pool, err)
		}
	}
}

// afterFailure returns what Migrate answers after it failed to create something.
func (t *table) afterFailure(ctx context.Context, pool *sql.DB, reason error) error {
	err := t.check(ctx, pool)
	switch {
	case err == nil && lacksPrivilege(reason):
		return nil
	case err == nil:
		return fmt.Errorf("gormstore: create the indexes of table %s: %w", t.name, withAdvice(reason))
	case lacksPrivilege(reason):
		return fmt.Errorf("%w; this account may not create tables, so run Migrate under another role: %w", err, reason)
	}
	return fmt.Errorf("%w; creating it failed: %w", err, withAdvice(reason))
}

func (t *table) migrate(db *gorm.DB) error {
	if t.dialect.create == nil {
		return db.Table(t.name).AutoMigrate(&session{})
	}
	for _, text := range t.dialect.create {
		if err := db.Exec(t.render(text)).Error; err != nil {
			return err
		}
	}
	return nil
}

// session describes the table to AutoMigrate, for dialects without SQL in this package.
type session struct {
	ID        string `gorm:"column:id;primaryKey;size:64;index:,composite:subject;index:,composite:label1;index:,composite:label2;index:,composite:label3"`
	Subject   []byte `gorm:"column:subject;size:255;not null;index:,composite:subject,priority:1"`
	Label1    []byte `gorm:"column:label1;size:255;not null;index:,composite:label1,priority:1"`
	Label2    []byte `gorm:"column:label2;size:255;not null;index:,composite:label2,priority:1"`
	Label3    []byte `gorm:"column:label3;size:255;not null;index:,composite:label3,priority:1"`
	CreatedUs int64  `gorm:"column:created_us;not null;autoCreateTime:false"`
	UsedUs    int64  `gorm:"column:used_us;not null"`
	ExpiresUs int64  `gorm:"column:expires_us;not null;index"`
	Version   int64  `gorm:"column:version;not null"`
	Data      []byte `gorm:"column:data;not null"`
}
