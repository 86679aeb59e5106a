package gormstore

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"gorm.io/gorm"
)

// Config sets up a Store and its table. The zero value is ready to use. New and Migrate need the same Table.
type Config struct {
	// Table is the name of the table: letters, digits and underscores, at most 48, and no digit first.
	// A schema may stand before it, of as many characters: "app.sessions"; not with SQLite. Default:
	// "coatcheck_sessions".
	Table string

	// Now is the clock that deadlines are compared with, for tests. Default: time.Now.
	Now func() time.Time
}

// table is the table that New and Migrate work on.
type table struct {
	db      *gorm.DB
	name    string
	now     func() time.Time
	dialect dialect
}

// tableName allows 48 characters, because index names add to them and PostgreSQL takes 63.
var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,47}\.)?[A-Za-z_][A-Za-z0-9_]{0,47}$`)

func newTable(db *gorm.DB, config Config) (*table, error) {
	if db == nil || db.Config == nil || db.Dialector == nil {
		return nil, errors.New("gormstore: the *gorm.DB is nil")
	}
	if db.Statement != nil {
		if _, tx := db.Statement.ConnPool.(gorm.TxCommitter); tx {
			return nil, errors.New("gormstore: the *gorm.DB is a transaction, which ends before the sessions do: " +
				"pass the *gorm.DB that it began on")
		}
	}
	if config.Table == "" {
		config.Table = "coatcheck_sessions"
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if !tableName.MatchString(config.Table) {
		return nil, fmt.Errorf("gormstore: Config.Table is %.100q, want letters, digits and underscores, at most 48, "+
			"with no digit first, and perhaps a schema and a dot before", config.Table)
	}
	if _, _, schema := strings.Cut(config.Table, "."); schema && dialectOf(db).noSchema {
		return nil, fmt.Errorf("gormstore: Config.Table is %q, but SQLite has no schemas: leave out what is before the dot", config.Table)
	}
	return &table{db: db, name: config.Table, now: config.Now, dialect: dialectOf(db)}, nil
}
