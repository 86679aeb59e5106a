package redisstore

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
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

// soon is much longer than anything takes that does not wait for patience, and much shorter than that.
const soon = 10 * time.Second

// opener opens one handle on a storage.
type opener func(tb testing.TB, addrs ...string) *Store

// with is openStore as an opener.
func with(clock *storetest.Clock, config Config) opener {
	return func(tb testing.TB, addrs ...string) *Store { return openStore(tb, clock, config, addrs...) }
}

// harness empties the servers for each rule. Data is of 1 MiB at most: TestStore and TestLargestRecord have the
// largest, which takes most of the time that a rule about it has.
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
		Newer: func(tb testing.TB, id driver.ID) (back func()) { return newerFormat(tb, last, id) },
	}
}

// newerFormat is storetest.Harness.Newer.
func newerFormat(tb testing.TB, s *Store, id driver.ID) (back func()) {
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

func TestStore(t *testing.T) {
	clock := storetest.NewClock()
	h := harness(clock, one, with(clock, Config{}))
	if !fips() { // which runs it again
		h.MaxData = MaxData
	}
	storetest.Run(t, h)
}

// The clock of the machine, and the outages of a real server.
func TestStoreRealTime(t *testing.T) {
	t.Parallel() // it waits for most of the time
	s := startserver.Redis(t)
	proxy := startserver.NewProxy(t, s.Addr)
	h := harness(nil, func(testing.TB) []*startserver.Server { return []*startserver.Server{s} },
		func(tb testing.TB, _ ...string) *Store { return openStore(tb, nil, Config{}, proxy.Addr) })
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
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, cluster, with(clock, Config{})))
}

// A common hash tag puts all keys on one node, where Succeed is one step.
func TestStoreClusterWithTag(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, cluster, with(clock, Config{Prefix: "{shop}:"})))
}

// own is the application's own client, as rueidis makes it: many calls over few connections.
func own(clock *storetest.Clock) opener {
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

func TestStoreOwnClient(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, one, own(clock)))
}

// The largest record there is, in all that TestStore does not have: one is written, replaced and read by another.
func TestLargestRecord(t *testing.T) {
	rec := newRecord(strings.Repeat("s", driver.MaxSubject), "")
	for i := range driver.MaxLabels {
		rec.Labels = append(rec.Labels, strings.Repeat("l", driver.MaxSubject-1)+string(rune('a'+i)))
	}
	data, more := bytes.Repeat([]byte("d"), MaxData), make([]byte, MaxData+1)
	for name, c := range map[string]struct {
		servers func(testing.TB) []*startserver.Server
		open    opener
	}{
		"cluster":    {cluster, with(nil, Config{})},
		"cached":     {one, with(nil, Config{CacheFor: time.Minute})},
		"own client": {one, own(nil)},
	} {
		t.Run(name, func(t *testing.T) {
			open := harness(nil, c.servers, c.open).New(t)
			s, other := open(t), open(t)
			rec.Data = data[1:]
			ok(t, s.Create(t.Context(), rec))
			rec.Data = data
			ok(t, s.Update(t.Context(), rec))
			for range 2 { // with CacheFor, the second time from memory
				got, err := other.Load(t.Context(), rec.ID)
				if err != nil || !bytes.Equal(got.Data, data) || got.Subject != rec.Subject || !slices.Equal(got.Labels, rec.Labels) {
					t.Errorf("Load: %v, %d bytes of %d", err, len(got.Data), len(data))
				}
			}
			rec.Data = more
			if err := s.Update(t.Context(), rec); !errors.Is(err, driver.ErrTooLarge) {
				t.Errorf("Update with a byte more: %v", err)
			}
		})
	}
}

func TestReport(t *testing.T) {
	h := harness(nil, one, with(nil, Config{}))
	h.MaxData = MaxData
	got := storetest.Report(t, h)
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
