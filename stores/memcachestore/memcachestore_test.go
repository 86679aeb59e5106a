package memcachestore

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func TestMain(m *testing.M) { os.Exit(startserver.Main(m)) }

// memcached is the server that tests share if they do not disturb it.
var memcached = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Memcached(tb) })

func open(tb testing.TB, servers ...string) *Store {
	tb.Helper()
	return openWith(tb, servers, Config{})
}

// bare returns a client of the client library, without the store.
func bare(tb testing.TB, addr string) *memcache.Client {
	c := memcache.New(addr)
	c.Timeout = patience
	tb.Cleanup(func() { must(tb, c.Close()) })
	return c
}

// soon is much longer than a call takes that the end of its context interrupts, and much shorter than patience.
const soon = 5 * time.Second

func openWith(tb testing.TB, servers []string, config Config) *Store {
	tb.Helper()
	config.Prefix = "test:"
	if config.Timeout == 0 {
		config.Timeout = patience
	}
	s, err := New(servers, config)
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// largest is the length of Data that fits into an item of 1 MiB together with the longest names.
const largest = 1<<20 - 1536

// patience is a Config.Timeout for tests that are not about it. On a busy machine, a process may get no CPU time for
// a second.
const patience = 30 * time.Second

func harness(servers ...string) storetest.Harness {
	prefix, last := 0, ""
	h := storetest.Harness{MaxData: largest, ForgetsLists: true, New: func(tb testing.TB) func(testing.TB) driver.Store {
		prefix++ // a new prefix is an empty storage
		mine := tb.Name() + string(rune('a'+prefix%26)) + string(rune('a'+prefix/26%26))
		mine = mine[max(0, len(mine)-90):] + ":"
		last = mine
		return func(tb testing.TB) driver.Store {
			s, err := New(servers, Config{Prefix: mine, Timeout: patience})
			must(tb, err)
			tb.Cleanup(func() { must(tb, s.Close()) })
			return s
		}
	}}
	h.Newer = func(tb testing.TB, id driver.ID) func() {
		key := last + id.String()
		setFormat(tb, servers, key, 2)
		return func() { setFormat(tb, servers, key, 1) }
	}
	h.Damage = func(tb testing.TB, id driver.ID) { setFormat(tb, servers, last+id.String(), 0) }
	return h
}

// setFormat sets the format's number in the item under key, on the server that has it.
func setFormat(tb testing.TB, servers []string, key string, number byte) {
	tb.Helper()
	for _, addr := range servers {
		c := bare(tb, addr)
		item, err := c.Get(key)
		if err == nil {
			item.Value[0] = number
			err = c.CompareAndSwap(item)
		}
		if err == nil {
			return
		}
	}
	tb.Fatal("no server has the item")
}

func TestStore(t *testing.T) {
	t.Parallel() // it mostly waits
	srv := memcached(t)
	proxy := startserver.NewProxy(t, srv.Addr)
	h := harness(proxy.Addr)
	h.Outages = map[string]func(testing.TB) func(){
		"down":  func(tb testing.TB) func() { proxy.Down(); return func() { proxy.Up(tb) } },
		"hangs": func(tb testing.TB) func() { proxy.Hang(); return proxy.Heal },
		"cuts":  func(tb testing.TB) func() { proxy.CutEach(0); return proxy.Heal },
	}
	storetest.Run(t, h)
}

func TestManyServers(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness(startserver.Memcached(t).Addr, startserver.Memcached(t).Addr, startserver.Memcached(t).Addr))
}

func TestReport(t *testing.T) {
	t.Log("\n" + storetest.ReportHead() + storetest.Report(t, harness(memcached(t).Addr)))
}

func TestNewRefuses(t *testing.T) {
	const addr = "127.0.0.1:11211"
	good := []string{addr}
	for name, c := range map[string]struct {
		servers []string
		config  Config
		words   string // of the error
	}{
		"no servers":     {nil, Config{}, "servers is empty"},
		"a bare host":    {[]string{addr, "localhost"}, Config{}, `servers[1] "localhost"`},
		"a named port":   {[]string{"localhost:memcached"}, Config{}, `servers[0] "localhost:memcached"`},
		"a large port":   {[]string{"localhost:99999"}, Config{}, `servers[0] "localhost:99999"`},
		"a line break":   {[]string{"localhost:11211\n"}, Config{}, `servers[0] "localhost:11211\n"`},
		"twice":          {[]string{addr, addr + "#2"}, Config{}, "servers[1] " + `"127.0.0.1:11211" is listed twice`},
		"a generation":   {[]string{addr + "#a b"}, Config{}, "servers[0]"},
		"no generation":  {[]string{addr + "#"}, Config{}, "servers[0]"},
		"a prefix":       {good, Config{Prefix: "a b"}, "Config.Prefix"},
		"a long prefix":  {good, Config{Prefix: string(make([]byte, 101))}, "Config.Prefix"},
		"a timeout":      {good, Config{Timeout: -1}, "Config.Timeout"},
		"connections":    {good, Config{MaxConns: -1}, "Config.MaxConns"},
		"idle ones":      {good, Config{MaxIdleConns: -1}, "Config.MaxIdleConns"},
		"a largest item": {good, Config{MaxItem: 10}, "Config.MaxItem"},
	} {
		s, err := New(c.servers, c.config)
		if err == nil || s != nil || !strings.Contains(err.Error(), "memcachestore: "+c.words) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.words)
		}
	}
}

func record(n int, size int) *driver.Record {
	now := time.Now().Truncate(time.Microsecond)
	id := driver.ID{byte(n), byte(n >> 8), byte(n >> 16), 7}
	copy(id[8:], []byte(now.Format("150405.000000000")))
	id[0] ^= byte(now.Nanosecond() >> 10)
	return &driver.Record{ID: id, Created: now, Used: now, Expires: now.Add(time.Hour), Data: make([]byte, size)}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wants(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("error is %v, want %v", err, want)
	}
}
