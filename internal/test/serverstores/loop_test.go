package serverstores

import (
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/embeddedstores"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// TestSlowLoop: the body of a loop over sessions may be slow and may call the store, even if that has one connection.
func TestSlowLoop(t *testing.T) {
	all := append(storages[:len(storages):len(storages)], storage{"SQLite with one connection", sqliteAt, migrate, openOneConn, 0})
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			embeddedstores.CheckLoop(t, s.fresh(t)(t))
		})
	}
}

func openOneConn(tb testing.TB, dsn, space string) driver.Store {
	db := openDB(tb, dsn)
	pool, err := db.DB()
	must(tb, err)
	pool.SetMaxOpenConns(1)
	s, err := gormstore.New(db, gormstore.Config{Table: space})
	must(tb, err)
	return s
}
