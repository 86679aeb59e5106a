package redisstore

import (
	"context"
	"crypto/rand"
	"net"
	"os"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

var (
	single  = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Redis(tb) })
	cluster = startserver.Share(func(tb testing.TB) []*startserver.Server { return startserver.RedisCluster(tb, 3) })
)

func TestMain(m *testing.M) {
	patience = 30 * time.Second
	os.Exit(startserver.Main(m))
}

// soon is much longer than a call takes that does not run into patience, and much shorter than patience.
const soon = 10 * time.Second

// opener opens one handle on a storage.
type opener func(tb testing.TB, addrs ...string) *Store

// opening returns openStore as an opener.
func opening(clock *storetest.Clock, config Config) opener {
	return func(tb testing.TB, addrs ...string) *Store { return openStore(tb, clock, config, addrs...) }
}

// harness returns a suite's harness that empties the servers before each rule. Data has at most 1 MiB, because the
// largest Data takes most of a rule's time: TestStore and TestLargestRecord have it.
func harness(clock *storetest.Clock, servers func(testing.TB) []*startserver.Server, open opener) storetest.Harness {
	var last *Store
	return storetest.Harness{
		Clock: clock,
		New: func(tb testing.TB) func(testing.TB) driver.Store {
			var addrs []string
			for _, s := range servers(tb) {
				addrs = append(addrs, s.Addr)
				command(tb, s, "FLUSHALL")
			}
			return func(tb testing.TB) driver.Store {
				last = open(tb, addrs...)
				return last
			}
		},
		Newer: func(tb testing.TB, id driver.ID) (back func()) {
			setFormat(tb, last, id, format+1)
			return func() { setFormat(tb, last, id, format) }
		},
		Damage: func(tb testing.TB, id driver.ID) { setFormat(tb, last, id, 0) },
	}
}

// setFormat gives the record the number of a format.
func setFormat(tb testing.TB, s *Store, id driver.ID, number byte) {
	tb.Helper()
	cmd := s.client.B().Arbitrary("SETRANGE").Keys(s.key(id)).Args("0", string([]byte{number})).Build()
	n, err := s.client.Do(context.Background(), cmd).AsInt64()
	ok(tb, err)
	if n < offNames {
		tb.Fatalf("there was no record to give a format: %d bytes", n)
	}
}

// one returns the shared single server as a harness wants it.
func one(tb testing.TB) []*startserver.Server { return []*startserver.Server{single(tb)} }

func openStore(tb testing.TB, clock *storetest.Clock, config Config, addrs ...string) *Store {
	tb.Helper()
	s, err := Open(rueidis.ClientOption{InitAddress: addrs}, config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	if clock != nil {
		s.now = clock.Now
	}
	return s
}

func command(tb testing.TB, s *startserver.Server, args ...string) string {
	tb.Helper()
	reply, err := startserver.RedisCommand(s.Addr, args...)
	if err != nil {
		tb.Fatalf("%q: %v", args, err)
	}
	return reply
}

func newRecord(subject, data string) *driver.Record {
	now := time.Now().Truncate(time.Microsecond)
	rec := &driver.Record{Subject: subject, Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte(data)}
	rand.Read(rec.ID[:])
	return rec
}

func create(tb testing.TB, s driver.Store, subject, data string) *driver.Record {
	tb.Helper()
	rec := newRecord(subject, data)
	ok(tb, s.Create(tb.Context(), rec))
	return rec
}

func ok(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// openingOwn opens stores on the application's own client with rueidis's defaults: many calls over few connections.
func openingOwn(clock *storetest.Clock) opener {
	return func(tb testing.TB, addrs ...string) *Store {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, ConnWriteTimeout: patience})
		ok(tb, err)
		tb.Cleanup(client.Close)
		s, err := New(client, Config{})
		ok(tb, err)
		if clock != nil {
			s.now = clock.Now
		}
		return s
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := Open(rueidis.ClientOption{InitAddress: []string{net.JoinHostPort("127.0.0.1", "1")}}, Config{}); err == nil {
		t.Error("connected to nothing")
	}
	if _, err := New(nil, Config{}); err == nil {
		t.Error("took no client")
	}
}

var background = context.Background()

// servers returns the addresses of a single server and of a Cluster.
func servers(t *testing.T) map[string][]string {
	all := map[string][]string{"single": {single(t).Addr}}
	for _, s := range cluster(t) {
		all["cluster"] = append(all["cluster"], s.Addr)
	}
	return all
}

func openSentinel(addr string) (*Store, error) {
	return Open(rueidis.ClientOption{
		InitAddress: []string{addr},
		Sentinel:    rueidis.SentinelOption{MasterSet: startserver.SentinelMaster},
	}, Config{})
}

// ended returns a record as core changes it when another takes its place.
func ended(rec *driver.Record) *driver.Record {
	old := *rec
	old.Subject, old.Exact, old.Expires = "", true, rec.Used.Add(time.Hour/2)
	return &old
}

func TestHashTags(t *testing.T) {
	for prefix, want := range map[string]bool{"{a}": true, "x{a}:": true, "{}": false, "{": false, "{}{a}": false, "": false} {
		if hasTag(prefix) != want {
			t.Errorf("hasTag(%q) = %t", prefix, !want)
		}
	}
}
