package gormtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

func TestMain(m *testing.M) {
	if os.Getenv(childDSN) != "" {
		os.Exit(child())
	}
	os.Exit(startserver.Main(m))
}

// patience is how long connecting may take in tests that are not about it. On a busy machine, a process may get no
// CPU time for seconds.
const patience = 30 * time.Second

// engine is one database that the store is tested on.
type engine struct {
	name string

	// database makes a database and says how to reach it.
	database func(tb testing.TB) place
}

// place is a database and the way to it.
type place struct {
	dialector func() gorm.Dialector
	dsn       string              // for another process
	server    *startserver.Server // nil: SQLite
	proxy     *startserver.Proxy  // before the server, if any
	shared    *gorm.DB            // if set, open returns it
}

var engines = []engine{{"SQLite", sqliteFile}, {"PostgreSQL", postgresAt}, {"MariaDB", mariadbAt}}

// servers are the engines that run as a server.
var servers = engines[1:]

var (
	postgresServer = startserver.Share(func(tb testing.TB) *startserver.Server {
		return startserver.Postgres(tb, "-c", "max_connections=200",
			"-c", "shared_preload_libraries=pg_stat_statements")
	})
	mariadbServer = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.MariaDB(tb) })
)

const pragmas = "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(100)"

func sqliteFile(tb testing.TB) place {
	return sqliteAt(filepath.Join(tb.TempDir(), "sessions.db") + pragmas)
}

func sqliteAt(dsn string) place {
	return place{dsn: dsn, dialector: func() gorm.Dialector { return sqlite.Open(dsn) }}
}

func postgresAt(tb testing.TB) place { return postgresVia(tb, postgresServer(tb)) }
func mariadbAt(tb testing.TB) place  { return mariadbVia(tb, mariadbServer(tb)) }

func postgresVia(tb testing.TB, s *startserver.Server) place {
	p := startserver.NewProxy(tb, s.Addr)
	dsn := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&connect_timeout=%.0f", s.User, p.Addr, s.Database, patience.Seconds())
	return place{dsn: dsn, server: s, proxy: p, dialector: func() gorm.Dialector { return postgres.Open(dsn) }}
}

func mariadbVia(tb testing.TB, s *startserver.Server) place {
	p := startserver.NewProxy(tb, s.Addr)
	dsn := fmt.Sprintf("%s@tcp(%s)/%s?timeout=%v", s.User, p.Addr, s.Database, patience)
	return place{dsn: dsn, server: s, proxy: p, dialector: func() gorm.Dialector { return mysql.Open(dsn) }}
}

// open returns a *gorm.DB with its own connection pool, unless the place has a shared one.
func (p place) open(tb testing.TB) *gorm.DB {
	tb.Helper()
	if p.shared != nil {
		return p.shared
	}
	db, err := gorm.Open(p.dialector(), &gorm.Config{Logger: logger.Discard})
	must(tb, err)
	pool, err := db.DB()
	must(tb, err)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	tb.Cleanup(func() { pool.Close() })
	return db
}

var tables atomic.Int64

func newTable() string { return fmt.Sprintf("sessions_%d", tables.Add(1)) }

// fresh makes an empty table and returns a Config that names it.
func (p place) fresh(tb testing.TB) gormstore.Config {
	tb.Helper()
	config := gormstore.Config{Table: newTable()}
	must(tb, gormstore.Migrate(p.open(tb), config))
	return config
}

func newStore(tb testing.TB, db *gorm.DB, config gormstore.Config) *gormstore.Store {
	tb.Helper()
	s, err := gormstore.New(db, config)
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// harness lets the suite run on the engine, with the suite's clock. The connection pools outlive a rule, since PostgreSQL
// takes 20 ms for a connection: the nth handle of each rule uses the nth pool, so that two application servers have two.
// Outages leave broken connections, so the rule after them begins with new pools.
func (e engine) harness(test testing.TB) storetest.Harness {
	h := storetest.Harness{Clock: storetest.NewClock(), MaxData: 2 << 20}
	var last place
	var table string
	var pools []*gorm.DB
	broken := false
	h.New = func(tb testing.TB) func(testing.TB) driver.Store {
		life := test
		if e.name == "SQLite" {
			life = tb // to open a file costs next to nothing
		}
		if pools == nil || broken || life == tb {
			last, broken = e.database(life), false
			pools = []*gorm.DB{last.open(life)}
		}
		table = newTable()
		p, config, n := last, gormstore.Config{Table: table, Now: h.Clock.Now}, 0
		must(tb, gormstore.Migrate(pools[0], config))
		return func(tb testing.TB) driver.Store {
			if n == len(pools) {
				pools = append(pools, p.open(life))
			}
			n++
			return newStore(tb, pools[n-1], config)
		}
	}
	h.Block = func(tb testing.TB) func() { return e.lock(tb, last.open(tb), table) }
	h.Outages = e.outages(&last)
	for name, begin := range h.Outages {
		h.Outages[name] = func(tb testing.TB) func() {
			broken = true
			return begin(tb)
		}
	}
	return h
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func record(n int, subject string, size int) *driver.Record {
	now := time.Now()
	rec := &driver.Record{Subject: subject, Created: now, Used: now, Expires: now.Add(time.Hour), Data: make([]byte, size)}
	for i := range 8 {
		rec.ID[i] = byte(uint64(n) * 0x9e3779b97f4a7c15 >> (8 * i)) // spread like hashes
	}
	rec.ID[30], rec.ID[31] = byte(n>>8), byte(n)
	return rec
}

func mysqlOpen(dsn string) gorm.Dialector { return mysql.Open(dsn) }

func (e engine) dialector(dsn string) gorm.Dialector {
	if e.name == "PostgreSQL" {
		return postgres.Open(dsn)
	}
	return mysql.Open(dsn)
}

// direct returns the same database without the proxy before it.
func (p place) direct() place {
	p.dsn = strings.Replace(p.dsn, p.proxy.Addr, p.server.Addr, 1)
	dialector := mysql.Open(p.dsn)
	if strings.HasPrefix(p.dsn, "postgres:") {
		dialector = postgres.Open(p.dsn)
	}
	p.dialector = func() gorm.Dialector { return dialector }
	return p
}
