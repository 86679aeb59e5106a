// Package startserver starts real servers for tests: memcached, Redis (alone,
// as a cluster, under Sentinel), PostgreSQL (alone, behind PgBouncer) and MariaDB, each on a free loopback
// port and in a temporary folder, with nothing of the system's own services. They
// can be killed, restarted on the same port, and paused. [Proxy] stands between
// a client and a server, breaks what networks break, and counts round trips.
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
// A server whose program is not installed skips the test and says so. Where the
// environment variable CI is set, it fails the test instead.
package startserver
