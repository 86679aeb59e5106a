package serverstores

import (
	"os"
	"slices"
	"testing"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// soak is set for the long versions of these tests.
var soak = os.Getenv("TESTS_SOAK") != ""

// run takes all storages, or those of these names: the first, and with TESTS_FULL the others.
func run(t *testing.T, a adaptertest.Adapter, names ...string) {
	if len(names) > 0 {
		names = names[:rounds.Of(1, len(names))]
	}
	t.Parallel() // so that it runs after the tests that stop servers and watch deadlines
	for _, s := range storages {
		if names == nil || soak || slices.Contains(names, s.name) {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.at(t) // a server that is missing skips the whole storage
				// The adapters' own tests call adaptertest.Run.
				adaptertest.RunStore(t, adaptertest.Harness{Adapter: a, New: s.lasting(t)})
			})
		}
	}
}

// lasting is s.fresh with connection pools that outlive a rule, since PostgreSQL takes 20 ms for a connection. The nth
// handle of each space uses the nth pool, so that two application servers have two.
func (s storage) lasting(t *testing.T) func(testing.TB) func(testing.TB) driver.Store {
	if s.name != "PostgreSQL" && s.name != "MariaDB" {
		return s.fresh
	}
	address, pools := s.at(t), []*gorm.DB{openDB(t, s.at(t))}
	return func(tb testing.TB) func(testing.TB) driver.Store {
		config, n := gormstore.Config{Table: newSpace()}, 0
		must(tb, gormstore.Migrate(pools[0], config))
		return func(tb testing.TB) driver.Store {
			if n == len(pools) {
				pools = append(pools, openDB(t, address))
			}
			n++
			return newGorm(tb, pools[n-1], config)
		}
	}
}

// An adapter reaches its store only through core. So httpsession has every storage, and the other adapters have one of
// them, to save time, and two with TESTS_FULL. With TESTS_SOAK set, all have all.
func TestHTTP(t *testing.T)   { run(t, httpAdapter{}) }
func TestGin(t *testing.T)    { run(t, ginAdapter{}, "redisstore", "PostgreSQL") }
func TestEcho(t *testing.T)   { run(t, echoAdapter{}, "redisstore", "MariaDB") }
func TestEchoV5(t *testing.T) { run(t, echov5Adapter{}, "redisstore", "PostgreSQL") }
func TestFiber(t *testing.T)  { run(t, fiberAdapter{}, "SQLite", "redisstore") }
