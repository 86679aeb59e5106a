// Package startserver starts real servers for tests: memcached, Redis (alone, as a cluster, under Sentinel), PostgreSQL
// (alone, behind PgBouncer), MariaDB and Prometheus. Each has a free loopback port and a temporary folder, and uses
// nothing of the system's own services. It can be killed, restarted on the same port, and paused. [Proxy] stands
// between a client and a server, fails as networks do, and counts round trips.
//
//	var redis = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Redis(tb) })
//
//	func TestMain(m *testing.M) { os.Exit(startserver.Main(m)) }
//
//	func TestStore(t *testing.T) {
//		s := redis(t) // started by the first test that asks
//		...
//	}
//
// If a server's program is not installed, the test is skipped with the reason. If the environment variable CI is set,
// it fails instead.
package startserver
