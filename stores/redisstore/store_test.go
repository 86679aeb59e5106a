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
	"github.com/coatcheck-go/coatcheck/internal/testserver"
)

var (
	single  = testserver.Share(func(tb testing.TB) *testserver.Server { return testserver.Redis(tb) })
	cluster = testserver.Share(func(tb testing.TB) []*testserver.Server { return testserver.RedisCluster(tb, 3) })
)

func TestMain(m *testing.M) {
	patience = 30 * time.Second
	os.Exit(testserver.Main(m))
}

// soon is much longer than anything takes that does not wait for patience, and much shorter than that.
const soon = 10 * time.Second

// harness empties the servers for each test.
func harness(clock *storetest.Clock, config Config, servers func(testing.TB) []*testserver.Server) storetest.Harness {
	return storetest.Harness{Clock: clock, MaxData: MaxData, Newer: newerFormat, New: func(tb testing.TB) func(testing.TB) driver.Store {
		var addrs []string
		for _, s := range servers(tb) {
			addrs = append(addrs, s.Addr)
			command(tb, s, "FLUSHALL")
		}
		return func(tb testing.TB) driver.Store { return openStore(tb, clock, config, addrs...) }
	}}
}

// opened is the last Store of a test.
var opened *Store

// newerFormat is storetest.Harness.Newer.
func newerFormat(tb testing.TB, id driver.ID) (back func()) {
	s := opened
	set := func(number byte) {
		tb.Helper()
		key := s.key(id)
		cmd := s.client.B().Arbitrary("SETRANGE").Keys(key).Args("0", string([]byte{number})).Build()
		n, err := s.client.Do(context.Background(), cmd).AsInt64()
		ok(tb, err)
		if n < offNames {
			tb.Fatalf("there was no record to give a format: %d bytes", n)
		}
	}
	set(format + 1)
	return func() { set(format) }
}

func one(tb testing.TB) []*testserver.Server { return []*testserver.Server{single(tb)} }

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
	opened = s
	return s
}

func command(tb testing.TB, s *testserver.Server, args ...string) string {
	tb.Helper()
	reply, err := testserver.RedisCommand(s.Addr, args...)
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

func TestStore(t *testing.T) {
	storetest.Run(t, harness(storetest.NewClock(), Config{}, one))
}

// The clock of the machine, and the outages of a real server.
func TestStoreRealTime(t *testing.T) {
	var s *testserver.Server
	var proxy *testserver.Proxy
	h := harness(nil, Config{}, one)
	h.New = func(tb testing.TB) func(testing.TB) driver.Store {
		s = testserver.Redis(tb)
		proxy = testserver.NewProxy(tb, s.Addr)
		return func(tb testing.TB) driver.Store { return openStore(tb, nil, Config{}, proxy.Addr) }
	}
	h.Outages = map[string]func(testing.TB) func(){
		"killed":  func(tb testing.TB) func() { s.Kill(); return func() { s.Restart(tb) } },
		"paused":  func(tb testing.TB) func() { s.Pause(); return s.Resume },
		"hanging": func(testing.TB) func() { proxy.Hang(); return proxy.Heal },
		"down":    func(tb testing.TB) func() { proxy.Down(); return func() { proxy.Up(tb) } },
		"cut":     func(testing.TB) func() { proxy.CutEach(0); return proxy.Heal },
		"no connection left": func(tb testing.TB) func() {
			command(tb, s, "CONFIG", "SET", "requirepass", "x")
			proxy.Reset()
			return func() {
				c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr}, Password: "x", DisableCache: true})
				ok(tb, err)
				defer c.Close()
				ok(tb, c.Do(context.Background(), c.B().Arbitrary("CONFIG", "SET", "requirepass", "").Build()).Error())
			}
		},
	}
	storetest.Run(t, h)
}

func TestStoreCluster(t *testing.T) {
	storetest.Run(t, harness(nil, Config{}, cluster))
}

// A common hash tag puts all keys on one node, where Succeed is one step.
func TestStoreClusterWithTag(t *testing.T) {
	storetest.Run(t, harness(storetest.NewClock(), Config{Prefix: "{shop}:"}, cluster))
}

// The application's own client, as rueidis makes it: many calls over few connections.
func TestStoreOwnClient(t *testing.T) {
	h := harness(storetest.NewClock(), Config{}, one)
	clock := h.Clock
	h.New = func(tb testing.TB) func(testing.TB) driver.Store {
		server := single(tb)
		command(tb, server, "FLUSHALL")
		return func(tb testing.TB) driver.Store {
			client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{server.Addr}})
			ok(tb, err)
			tb.Cleanup(client.Close)
			s, err := New(client, Config{})
			ok(tb, err)
			s.now = clock.Now
			opened = s
			return s
		}
	}
	storetest.Run(t, h)
}

func TestReport(t *testing.T) {
	got := storetest.Report(t, harness(nil, Config{}, one))
	const want = "| redisstore | yes | yes | - | yes | yes | yes | yes | all servers | 8388608 bytes |\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
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
