package gormstore

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"gorm.io/gorm"
)

// Option is a setting of New and Migrate that few need.
type Option func(*table)

// Table names the table, with its schema if need be: "app.sessions". Letters, digits
// and underscores. Default: "coatcheck_sessions".
func Table(name string) Option { return func(t *table) { t.name = name } }

// Now sets the clock, for tests. Default: time.Now.
func Now(now func() time.Time) Option { return func(t *table) { t.now = now } }

// table is what New and Migrate know about the table.
type table struct {
	db      *gorm.DB
	name    string
	now     func() time.Time
	dialect dialect
}

// tableName leaves room in 63 characters for what index names add.
var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,47}\.)?[A-Za-z_][A-Za-z0-9_]{0,47}$`)

func newTable(db *gorm.DB, options []Option) (*table, error) {
	if db == nil || db.Config == nil || db.Dialector == nil {
		return nil, errors.New("gormstore: the *gorm.DB is nil")
	}
	if db.Statement != nil {
		if _, tx := db.Statement.ConnPool.(gorm.TxCommitter); tx {
			return nil, errors.New("gormstore: the *gorm.DB is a transaction, which ends before the sessions do")
		}
	}
	t := &table{db: db, name: "coatcheck_sessions", now: time.Now, dialect: dialectOf(db)}
	for _, option := range options {
		option(t)
	}
	if !tableName.MatchString(t.name) {
		return nil, fmt.Errorf("gormstore: Table(%q): letters, digits and underscores, at most 48, perhaps after a schema and a dot", t.name)
	}
	if t.now == nil {
		return nil, errors.New("gormstore: Now(nil)")
	}
	return t, nil
}
