package serverstores

import (
	"os"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// addressVariable has the address of the storage for a server process.
const addressVariable = "TESTS_SERVERTEST_ADDRESS"

// twoProcesses runs two server processes on one storage, which only the test itself starts.
func twoProcesses(t *testing.T, name string) {
	const space = "processes"
	for _, s := range storages {
		if s.name != name {
			continue
		}
		if os.Getenv(addressVariable) == "" {
			address := s.at(t)
			if s.prepare != nil {
				s.prepare(t, address, space)
			}
			t.Setenv(addressVariable, address)
		}
		adaptertest.RunProcesses(t, httpAdapter{}, func(tb testing.TB, _ string) driver.Store {
			return s.open(tb, os.Getenv(addressVariable), space)
		})
	}
}

func TestTwoProcessesMemcached(t *testing.T)  { twoProcesses(t, "memcachestore") }
func TestTwoProcessesRedis(t *testing.T)      { twoProcesses(t, "redisstore") }
func TestTwoProcessesSQLite(t *testing.T)     { twoProcesses(t, "SQLite") }
func TestTwoProcessesPostgreSQL(t *testing.T) { twoProcesses(t, "PostgreSQL") }
func TestTwoProcessesMariaDB(t *testing.T)    { twoProcesses(t, "MariaDB") }
func TestTwoProcessesCached(t *testing.T)     { twoProcesses(t, "cachedstore") }
