package gormtest

import (
	"testing"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// outages are the faults that the suite causes at the database in p.
func (e engine) outages(p *place) map[string]func(testing.TB) func() {
	if e.name == "SQLite" {
		return nil // TestLockedFile
	}
	fault := func(begin, end func(*startserver.Proxy)) func(testing.TB) func() {
		return func(testing.TB) func() {
			begin(p.proxy)
			return func() { end(p.proxy) }
		}
	}
	heal := (*startserver.Proxy).Heal
	return map[string]func(testing.TB) func(){
		"hang":   fault((*startserver.Proxy).Hang, heal),
		"cut":    fault(func(p *startserver.Proxy) { p.CutEach(3) }, heal),
		"paused": func(testing.TB) func() { p.server.Pause(); return p.server.Resume },
		"down": func(tb testing.TB) func() {
			p.proxy.Down()
			return func() { p.proxy.Up(tb) }
		},
		"killed": func(tb testing.TB) func() {
			p.server.Kill()
			return func() { p.server.Restart(tb) }
		},
	}
}

// lock locks a SQLite file against all other connections, and on a server the table. With WAL, readers of SQLite do not
// wait.
func (e engine) lock(tb testing.TB, db *gorm.DB, table string) (unlock func()) {
	switch e.name {
	case "PostgreSQL":
		return hold(tb, db, "COMMIT", "BEGIN", "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
	case "MariaDB":
		return hold(tb, db, "UNLOCK TABLES", "LOCK TABLES "+table+" WRITE")
	}
	return lock(tb, db)
}

// lock locks a SQLite file against all other connections. Without WAL, readers wait, too.
func lock(tb testing.TB, db *gorm.DB) (unlock func()) {
	return hold(tb, db, "COMMIT", "BEGIN EXCLUSIVE")
}

// hold runs statements in a connection of its own, and end when the lock is to be released.
func hold(tb testing.TB, db *gorm.DB, end string, begin ...string) (unlock func()) {
	tb.Helper()
	pool, err := db.DB()
	must(tb, err)
	conn, err := pool.Conn(tb.Context())
	must(tb, err)
	for _, statement := range begin {
		_, err = conn.ExecContext(tb.Context(), statement)
		must(tb, err)
	}
	return func() {
		_, err := conn.ExecContext(tb.Context(), end)
		must(tb, err)
		must(tb, conn.Close())
	}
}
