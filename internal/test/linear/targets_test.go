package linear

import (
	"fmt"
	"math/rand/v2"
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
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func TestMain(m *testing.M) { os.Exit(startserver.Main(m)) }

// hasty is core's StoreTimeout where servers are stopped.
const hasty = 250 * time.Millisecond

var targets = []target{
	{name: "memstore", open: func(tb testing.TB) site {
		return site{stores: []driver.Store{made.Of(memstore.New(memstore.Config{}))}}
	}},
	{name: "memstore, answers lost", open: func(tb testing.TB) site { return losing(made.Of(memstore.New(memstore.Config{}))) }},
	{name: "filestore", open: func(tb testing.TB) site { return site{stores: openFiles(tb, filestore.SyncAll)} }},
	{name: "filestore, answers lost", open: func(tb testing.TB) site { return losing(openFiles(tb, filestore.SyncAll)...) }},
	{name: "filestore, SyncEnds", open: func(tb testing.TB) site { return site{stores: openFiles(tb, filestore.SyncEnds)} }},
	{name: "filestore, SyncEnds, answers lost", open: func(tb testing.TB) site { return losing(openFiles(tb, filestore.SyncEnds)...) }},
	{name: "SQLite", open: func(tb testing.TB) site { return site{stores: openSQL(tb, sqliteIn(tb.TempDir()))} }},
	{name: "PostgreSQL", open: func(tb testing.TB) site { return site{stores: openSQL(tb, postgresAt(postgreSQL(tb), ""))} }},
	{name: "PostgreSQL, faults", timeout: hasty, open: func(tb testing.TB) site {
		server := startserver.Postgres(tb)
		proxy := startserver.NewProxy(tb, server.Addr)
		prepare(tb, postgresAt(server, ""))
		return site{connect(tb, postgresAt(server, proxy.Addr)), outages(tb, server, proxy, false)}
	}},
	{name: "MariaDB", open: func(tb testing.TB) site { return site{stores: openSQL(tb, mariadbAt(mariaDB(tb), ""))} }},
	{name: "MariaDB, faults", timeout: hasty, open: func(tb testing.TB) site {
		server := startserver.MariaDB(tb)
		proxy := startserver.NewProxy(tb, server.Addr)
		prepare(tb, mariadbAt(server, ""))
		return site{connect(tb, mariadbAt(server, proxy.Addr)), outages(tb, server, proxy, false)}
	}},
	{name: "Redis", open: func(tb testing.TB) site {
		s := redis(tb)
		return site{stores: []driver.Store{openRedis(tb, s.Addr, 0), openRedis(tb, s.Addr, 0)}}
	}},
	{name: "Redis, faults", timeout: hasty, open: func(tb testing.TB) site {
		server := startserver.Redis(tb, "--appendonly", "yes", "--appendfsync", "always")
		proxy := startserver.NewProxy(tb, server.Addr)
		return site{[]driver.Store{openRedis(tb, proxy.Addr, 0), openRedis(tb, proxy.Addr, 0)}, outages(tb, server, proxy, false)}
	}},
	{name: "Redis, CacheFor", reads: readsStale, open: func(tb testing.TB) site {
		s := redis(tb)
		return site{stores: []driver.Store{openRedis(tb, s.Addr, time.Minute), openRedis(tb, s.Addr, time.Minute)}}
	}},
	{name: "memcached", open: func(tb testing.TB) site {
		s := memcached(tb)
		return site{stores: []driver.Store{openMemcached(tb, s.Addr, patient), openMemcached(tb, s.Addr, patient)}}
	}},
	{name: "memcached, faults", timeout: hasty, open: func(tb testing.TB) site {
		server := startserver.Memcached(tb)
		proxy := startserver.NewProxy(tb, server.Addr)
		return site{[]driver.Store{openMemcached(tb, proxy.Addr, 0), openMemcached(tb, proxy.Addr, 0)}, outages(tb, server, proxy, true)}
	}},
	{name: "cachedstore: Redis, SQLite", reads: readsAcknowledged, open: func(tb testing.TB) site {
		dsn := sqliteIn(tb.TempDir())
		prepare(tb, dsn)
		truth, addr, space := connect(tb, dsn), redis(tb).Addr, newSpace()
		return site{stores: []driver.Store{cached(tb, openRedisIn(tb, addr, space, 0), truth[0]), cached(tb, openRedisIn(tb, addr, space, 0), truth[1])}}
	}},
	{name: "cachedstore, cache stopped", reads: readsAcknowledged, timeout: patient, open: func(tb testing.TB) site {
		server := startserver.Redis(tb)
		return site{[]driver.Store{cached(tb, openRedis(tb, server.Addr, 0), made.Of(memstore.New(memstore.Config{})))}, []fault{pausing(server)}}
	}},
	{name: "cachedstore, a cache each", reads: readsStale, open: func(tb testing.TB) site {
		truth := made.Of(memstore.New(memstore.Config{}))
		return site{stores: []driver.Store{cached(tb, made.Of(memstore.New(memstore.Config{})), truth), cached(tb, made.Of(memstore.New(memstore.Config{})), truth)}}
	}},
}

var (
	memcached  = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Memcached(tb) })
	redis      = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Redis(tb) })
	postgreSQL = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Postgres(tb) })
	mariaDB    = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.MariaDB(tb) })
)

var spaces atomic.Int64

func newSpace() string { return fmt.Sprintf("space%d:", spaces.Add(1)) }

// losing has one call in forty of each store fail: half of them have had their effect.
func losing(stores ...driver.Store) (s site) {
	for _, store := range stores {
		hook := func(c storetest.Call) error {
			if rand.IntN(80) == 0 {
				return storetest.Outage(c)
			}
			return nil
		}
		fault := storetest.NewFault(store)
		fault.Before(hook)
		fault.After(hook)
		s.stores = append(s.stores, fault.Store())
	}
	return s
}

// outages are what happens to servers and networks.
func outages(tb testing.TB, server *startserver.Server, proxy *startserver.Proxy, forgets bool) []fault {
	return []fault{
		pausing(server),
		{name: "cut", do: func(rng *rand.Rand) {
			proxy.CutAfter(rng.IntN(400))
			wait(rng, 5, 30)
			proxy.Heal()
		}},
		{name: "reset", do: func(*rand.Rand) { proxy.Reset() }},
		{name: "hang", do: func(rng *rand.Rand) {
			proxy.Hang()
			wait(rng, 50, 400)
			proxy.Heal()
		}},
		{name: "kill", forgets: forgets, do: func(rng *rand.Rand) {
			server.Kill()
			wait(rng, 0, 50)
			server.Restart(tb)
		}},
	}
}

func pausing(server *startserver.Server) fault {
	return fault{name: "pause", do: func(rng *rand.Rand) {
		server.Pause()
		wait(rng, 50, 400)
		server.Resume()
	}}
}

// wait takes from some to most milliseconds.
func wait(rng *rand.Rand, some, most int) {
	time.Sleep(time.Duration(some+rng.IntN(most-some)) * time.Millisecond)
}

func openFiles(tb testing.TB, sync filestore.Sync) (stores []driver.Store) {
	dir := filepath.Join(tb.TempDir(), "sessions")
	for range 2 {
		s, err := filestore.New(dir, filestore.Config{Sync: sync})
		must(tb, err)
		stores = append(stores, s)
	}
	return stores
}

func openRedis(tb testing.TB, addr string, cacheFor time.Duration) driver.Store {
	return openRedisIn(tb, addr, "linear:", cacheFor)
}

func openRedisIn(tb testing.TB, addr, space string, cacheFor time.Duration) driver.Store {
	s, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{addr}}, redisstore.Config{Prefix: space, CacheFor: cacheFor})
	must(tb, err)
	return s
}

// openMemcached opens a memcachestore; timeout 0 is its default.
func openMemcached(tb testing.TB, addr string, timeout time.Duration) driver.Store {
	s, err := memcachestore.New([]string{addr}, memcachestore.Config{Timeout: timeout})
	must(tb, err)
	return s
}

func cached(tb testing.TB, cache, truth driver.Store) driver.Store {
	s, err := cachedstore.New(cache, truth, cachedstore.Config{Report: func(driver.ID, error) {}})
	must(tb, err)
	return s
}

func sqliteIn(dir string) string {
	return filepath.Join(dir, "sessions.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(100)"
}

// postgresAt is the server's database, by way of a proxy unless that is "".
func postgresAt(s *startserver.Server, proxy string) string {
	if proxy == "" {
		proxy = s.Addr
	}
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&connect_timeout=5", s.User, proxy, s.Database)
}

func mariadbAt(s *startserver.Server, proxy string) string {
	if proxy == "" {
		proxy = s.Addr
	}
	return fmt.Sprintf("%s@tcp(%s)/%s?timeout=5s", s.User, proxy, s.Database)
}

// openSQL makes the table and opens two handles.
func openSQL(tb testing.TB, dsn string) []driver.Store {
	prepare(tb, dsn)
	return connect(tb, dsn)
}

func prepare(tb testing.TB, dsn string) {
	tb.Helper()
	must(tb, gormstore.Migrate(openDB(tb, dsn), gormstore.Config{}))
}

func connect(tb testing.TB, dsn string) (stores []driver.Store) {
	tb.Helper()
	for range 2 {
		s, err := gormstore.New(openDB(tb, dsn), gormstore.Config{})
		must(tb, err)
		stores = append(stores, s)
	}
	return stores
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
	pool.SetMaxOpenConns(8)
	pool.SetMaxIdleConns(8)
	tb.Cleanup(func() { pool.Close() })
	return db
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
