package gormtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// TestMigrateTogether: several servers call Migrate at once, and one calls it again later.
func TestMigrateTogether(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			const table = "together_sessions"
			must(t, p.open(t).Migrator().DropTable(table))
			var wg sync.WaitGroup
			for range 4 {
				db := p.open(t)
				wg.Go(func() {
					if err := gormstore.Migrate(db, gormstore.Config{Table: table}); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			s := newStore(t, p.open(t), gormstore.Config{Table: table})
			rec := record(1, "alice", 10)
			must(t, s.Create(t.Context(), rec))
			must(t, gormstore.Migrate(p.open(t), gormstore.Config{Table: table}))
			if _, err := s.Load(t.Context(), rec.ID); err != nil {
				t.Error(err)
			}
		})
	}
}

// withoutRights opens the database under an account that may read and write one table, and may create none.
func (e engine) withoutRights(t *testing.T, p place, admin *gorm.DB, table string) *gorm.DB {
	t.Helper()
	statements := map[string][]string{
		"PostgreSQL": {"CREATE ROLE servant LOGIN", "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "GRANT SELECT, INSERT, UPDATE, DELETE ON " + table + " TO servant"},
		"MariaDB":    {"CREATE USER servant@'%'", "GRANT SELECT, INSERT, UPDATE, DELETE ON " + table + " TO servant@'%'"},
	}[e.name]
	for i, text := range statements {
		if err := admin.Exec(text).Error; err != nil && i > 0 && !strings.Contains(err.Error(), "exist") {
			t.Fatal(err)
		}
	}
	p = p.direct()
	dsn := strings.Replace(p.dsn, p.server.User+"@", "servant@", 1)
	db, err := gorm.Open(e.dialector(dsn), &gorm.Config{Logger: logger.Discard})
	must(t, err)
	pool, err := db.DB()
	must(t, err)
	t.Cleanup(func() { pool.Close() })
	return db
}

// TestMigrateWithoutRights: under an account that may not create tables, Migrate accepts a table that is right. If
// there is none or a wrong one, the error says what to do.
func TestMigrateWithoutRights(t *testing.T) {
	for _, e := range servers {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			admin := p.open(t)
			config := gormstore.Config{Table: "served"}
			must(t, gormstore.Migrate(admin, config))
			defer admin.Exec("DROP TABLE served")
			db := e.withoutRights(t, p, admin, "served")
			if err := gormstore.Migrate(db, config); err != nil {
				t.Errorf("a table that is right: %v", err)
			}
			largestNames(t, newStore(t, db, config))

			fails := func(table, words string) {
				t.Helper()
				err := gormstore.Migrate(db, gormstore.Config{Table: table})
				for word := range strings.FieldsSeq("gormstore: " + words) {
					if err == nil || !strings.Contains(err.Error(), word) {
						t.Errorf("%q lacks %q", fmt.Sprint(err), word)
						break
					}
				}
			}
			fails("served_none", "served_none role may not")
			d := e.defined()
			d.columns["id"] = strings.Replace(d.columns["id"], "64", "32", 1)
			d.create(t, admin, "served_wrong")
			e.withoutRights(t, p, admin, "served_wrong")
			fails("served_wrong", "served_wrong id want alter")
		})
	}
}

// TestMigrateReadOnly: a SQLite file that is open for reading only.
func TestMigrateReadOnly(t *testing.T) {
	p := sqliteFile(t)
	config := p.fresh(t)
	db := sqliteAt("file:" + p.dsn + "&mode=ro").open(t)
	must(t, gormstore.Migrate(db, config))
	s := newStore(t, db, config)
	if err := s.Create(t.Context(), record(1, "alice", 1)); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("Create: %v", err)
	}
	if err := gormstore.Migrate(db, gormstore.Config{Table: "none_such"}); err == nil || !strings.Contains(err.Error(), "none_such") {
		t.Errorf("Migrate: %v", err)
	}
}
