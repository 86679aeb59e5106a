package gormtest

import (
	"bytes"
	"log"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// refused fails unless New returns an error that contains all the words.
func refused(t *testing.T, db *gorm.DB, config gormstore.Config, words string) {
	t.Helper()
	s, err := gormstore.New(db, config)
	if err == nil {
		s.Close()
		t.Errorf("New succeeded, want an error with %q", words)
		return
	}
	for word := range strings.FieldsSeq("gormstore: " + words) {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("New: %q lacks %q", err, word)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			db := e.database(t).open(t)
			refused(t, nil, gormstore.Config{}, "nil")
			refused(t, db, gormstore.Config{}, "coatcheck_sessions Migrate") // the default, which no test makes
			refused(t, db, gormstore.Config{Table: "none_such"}, "none_such Migrate")
			for _, name := range []string{" ", "a b", `a";--`, "a.b.c", "1a", strings.Repeat("x", 49)} {
				refused(t, db, gormstore.Config{Table: name}, "Config.Table letters")
			}
			if e.name == "SQLite" {
				refused(t, db, gormstore.Config{Table: "main.sessions"}, "Config.Table SQLite")
				if err := gormstore.Migrate(db, gormstore.Config{Table: "main.sessions"}); err == nil {
					t.Error("Migrate takes a schema")
				}
			}
			tx := db.Begin()
			refused(t, tx, gormstore.Config{}, "transaction")
			must(t, tx.Rollback().Error)
		})
	}
}

func TestNewRefusesWithoutAutocommit(t *testing.T) {
	p := mariadbAt(t)
	config := p.fresh(t)
	db, err := gorm.Open(mysqlOpen(p.dsn+"&autocommit=0"), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, _ := db.DB()
	defer pool.Close()
	refused(t, db, config, "autocommit")
}

// TestNothingIsLogged: GORM's log would show SQL with its values when a call is slow, fails or finds nothing.
func TestNothingIsLogged(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			var seen bytes.Buffer
			db := p.open(t)
			db.Logger = logger.New(log.New(&seen, "", 0), logger.Config{SlowThreshold: time.Nanosecond, LogLevel: logger.Info})
			must(t, gormstore.Migrate(db, config))
			s := newStore(t, db, config)
			rec := record(1, "alice", 10)
			must(t, s.Create(t.Context(), rec))
			_ = s.Create(t.Context(), rec)
			_, _ = s.Load(t.Context(), driver.ID{1})
			must(t, s.Update(t.Context(), rec))
			for range s.All(t.Context()) {
			}
			if seen.Len() > 0 {
				t.Errorf("logged: %s", seen.String())
			}
		})
	}
}
