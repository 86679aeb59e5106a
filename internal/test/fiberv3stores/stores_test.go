package fiberv3stores

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/redis/rueidis"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func TestMain(m *testing.M) { os.Exit(startserver.Main(m)) }

var spaces atomic.Int64

func newSpace() string { return fmt.Sprintf("space_%d", spaces.Add(1)) }

func TestRedis(t *testing.T) {
	t.Parallel()
	address := startserver.Redis(t).Addr
	adaptertest.RunStore(t, adaptertest.Harness{Adapter: fiberAdapter{}, New: func(testing.TB) func(testing.TB) driver.Store {
		prefix := newSpace() + ":"
		return func(tb testing.TB) driver.Store {
			s, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{address}}, redisstore.Config{Prefix: prefix})
			must(tb, err)
			tb.Cleanup(func() { must(tb, s.Close()) })
			return s
		}
	}})
}

func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	server := startserver.Postgres(t, "-c", "max_connections=200")
	dsn := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&connect_timeout=30", server.User, server.Addr, server.Database)
	pools := [2]*gorm.DB{openDB(t, dsn), openDB(t, dsn)} // of two application servers
	adaptertest.RunStore(t, adaptertest.Harness{Adapter: fiberAdapter{}, New: func(tb testing.TB) func(testing.TB) driver.Store {
		config, n := gormstore.Config{Table: newSpace()}, 0
		must(tb, gormstore.Migrate(pools[0], config))
		return func(tb testing.TB) driver.Store {
			s, err := gormstore.New(pools[n%2], config)
			must(tb, err)
			n++
			tb.Cleanup(func() { must(tb, s.Close()) })
			return s
		}
	}})
}

func openDB(tb testing.TB, dsn string) *gorm.DB {
	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	must(tb, err)
	pool, err := db.DB()
	must(tb, err)
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	tb.Cleanup(func() { pool.Close() })
	return db
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
