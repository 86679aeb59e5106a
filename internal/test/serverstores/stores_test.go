package serverstores

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"github.com/redis/rueidis"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func TestMain(m *testing.M) { os.Exit(startserver.Main(m)) }

// storage is one kind of storage that the adapters are tested on.
type storage struct {
	name string

	// at returns the storage's address, with which another process can open it, too.
	at func(tb testing.TB) (address string)

	// prepare makes what open needs. nil: open needs nothing.
	prepare func(tb testing.TB, address, space string)

	// open opens one handle. Different spaces share no records.
	open func(tb testing.TB, address, space string) driver.Store

	// largest is the harness's MaxData.
	largest int
}

var storages = []storage{
	{"memcachestore", memcachedAt, nil, openMemcached, 1<<20 - 1536},
	{"redisstore", redisAt, nil, openRedis, redisstore.MaxData},
	{"SQLite", sqliteAt, migrate, openGorm, 2 << 20},
	{"PostgreSQL", postgresAt, migrate, openGorm, 2 << 20},
	{"MariaDB", mariadbAt, migrate, openGorm, 2 << 20},
	{"cachedstore", cachedAt, migrateTruth, openCached, 2 << 20},
}

var (
	memcached  = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Memcached(tb) })
	redis      = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Redis(tb) })
	postgreSQL = startserver.Share(func(tb testing.TB) *startserver.Server {
		return startserver.Postgres(tb, "-c", "max_connections=200")
	})
	mariaDB = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.MariaDB(tb) })
)

var spaces atomic.Int64

func newSpace() string { return fmt.Sprintf("space_%d", spaces.Add(1)) }

// fresh makes an empty storage, as adaptertest.Harness.New and storetest.Harness.New do.
func (s storage) fresh(tb testing.TB) func(testing.TB) driver.Store {
	address, space := s.at(tb), newSpace()
	if s.prepare != nil {
		s.prepare(tb, address, space)
	}
	return func(tb testing.TB) driver.Store { return s.open(tb, address, space) }
}

func memcachedAt(tb testing.TB) string { return memcached(tb).Addr }
func redisAt(tb testing.TB) string     { return redis(tb).Addr }

// patience is how long a server may take in tests that are not about slowness: on a busy machine, a process may get no
// time for a second. core's StoreTimeout still ends a call.
const patience = 30 * time.Second

func openMemcached(tb testing.TB, address, space string) driver.Store {
	return openMemcachedWith(tb, address, space, patience)
}

func openMemcachedWith(tb testing.TB, address, space string, timeout time.Duration) driver.Store {
	s, err := memcachestore.New([]string{address}, memcachestore.Config{Prefix: space + ":", Timeout: timeout})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return listed{s, address, space + ":"}
}

func openRedis(tb testing.TB, address, space string) driver.Store {
	s, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{Prefix: space + ":"})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

func sqliteAt(tb testing.TB) string { return sqliteIn(made.MemoryDir(tb)) }

func sqliteIn(dir string) string {
	return filepath.Join(dir, "sessions.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(100)"
}

func postgresAt(tb testing.TB) string { return postgresOf(postgreSQL(tb)) }
func mariadbAt(tb testing.TB) string  { return mariadbOf(mariaDB(tb)) }

func postgresOf(s *startserver.Server) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&connect_timeout=%.0f", s.User, s.Addr, s.Database, patience.Seconds())
}

func mariadbOf(s *startserver.Server) string {
	return fmt.Sprintf("%s@tcp(%s)/%s?timeout=%v", s.User, s.Addr, s.Database, patience)
}

func openDB(tb testing.TB, dsn string) *gorm.DB {
	tb.Helper()
	dialector := sqlite.Open(dsn)
	switch {
	case strings.HasPrefix(dsn, "postgres:"):
		dialector = postgres.Open(dsn)
	case strings.Contains(dsn, "@tcp("):
		dialector = mysql.Open(dsn)
	}
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	must(tb, err)
	pool, err := db.DB()
	must(tb, err)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	tb.Cleanup(func() { pool.Close() })
	return db
}

func migrate(tb testing.TB, dsn, space string) {
	must(tb, gormstore.Migrate(openDB(tb, dsn), gormstore.Config{Table: space}))
}

func openGorm(tb testing.TB, dsn, space string) driver.Store {
	return newGorm(tb, openDB(tb, dsn), gormstore.Config{Table: space})
}

func newGorm(tb testing.TB, db *gorm.DB, config gormstore.Config) driver.Store {
	s, err := gormstore.New(db, config)
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// cachedAt: the address of a cachedstore is that of its cache, a blank, and that of its main store.
func cachedAt(tb testing.TB) string { return redisAt(tb) + " " + sqliteAt(tb) }

func migrateTruth(tb testing.TB, address, space string) {
	_, truth, _ := strings.Cut(address, " ")
	migrate(tb, truth, space)
}

func openCached(tb testing.TB, address, space string) driver.Store {
	cache, truth, _ := strings.Cut(address, " ")
	s, err := cachedstore.New(openRedis(tb, cache, space), openGorm(tb, truth, space), cachedstore.Config{Timeout: patience})
	must(tb, err)
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
