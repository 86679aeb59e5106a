package memcachestore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func cached(tb testing.TB, cache, truth driver.Store) driver.Store {
	s, err := cachedstore.New(cache, truth, cachedstore.Config{Timeout: patience, Report: func(driver.ID, error) {}})
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

// TestAsCache runs the suite over a cachedstore whose cache is memcached, once in order and once refusing connections.
func TestAsCache(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(*startserver.Proxy){
		"in order": func(*startserver.Proxy) {},
		"down":     (*startserver.Proxy).Down,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := startserver.NewProxy(t, memcached(t).Addr)
			begin(proxy)
			caches := harness(proxy.Addr)
			var files string
			h := storetest.Harness{New: func(tb testing.TB) func(testing.TB) driver.Store {
				opened, dir := caches.New(tb), filepath.Join(made.MemoryDir(tb), "sessions")
				files = dir
				return func(tb testing.TB) driver.Store {
					truth, err := filestore.New(dir, filestore.Config{})
					must(tb, err)
					return cached(tb, opened(tb), truth)
				}
			}}
			if name == "in order" { // both the truth's record and the cache's item get a newer format
				h.Newer = func(tb testing.TB, id driver.ID) func() {
					caches.Newer(tb, id)
					setFileFormat(tb, files, id, 2)
					return func() { setFileFormat(tb, files, id, 1) }
				}
			}
			storetest.Run(t, h)
		})
	}
}

// setFileFormat sets the format's number in a record of a filestore.
func setFileFormat(tb testing.TB, dir string, id driver.ID, number byte) {
	tb.Helper()
	f, err := os.OpenFile(filepath.Join(dir, id.String()[:2], id.String()[2:]), os.O_WRONLY, 0)
	must(tb, err)
	_, err = f.WriteAt([]byte{0, number}, 6)
	must(tb, err)
	must(tb, f.Close())
}

// A cached read is one round trip to the cache. A record too large for memcached is read from the truth.
func TestCachedRoundTrips(t *testing.T) {
	proxy := startserver.NewProxy(t, memcached(t).Addr)
	fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
	s := cached(t, open(t, proxy.Addr), fault.Store())
	ctx := t.Context()
	rec := record(1, 261)
	for _, c := range []struct {
		name        string
		call        func() error
		trips, asks int
	}{
		{"Create", func() error { return s.Create(ctx, rec) }, 1, 1},
		{"Load", func() error { _, err := s.Load(ctx, rec.ID); return err }, 1, 0},
		{"Update", func() error { return s.Update(ctx, rec) }, 2, 1},
		{"Load", func() error { _, err := s.Load(ctx, rec.ID); return err }, 1, 0},
		{"Touch", func() error { return s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)) }, 2, 1},
		{"Load", func() error { _, err := s.Load(ctx, rec.ID); return err }, 1, 0},
		{"Update to what is too large", func() error { rec.Data = make([]byte, 2<<20); return s.Update(ctx, rec) }, 3, 1},
		{"Load", func() error { got, err := s.Load(ctx, rec.ID); rec.Data = got.Data; return err }, 1, 1},
	} {
		fault.Reset()
		before := proxy.Stats().RoundTrips
		must(t, c.call())
		asks := 0
		for _, n := range fault.Calls() {
			asks += n
		}
		if trips := proxy.Stats().RoundTrips - before; trips != c.trips || asks != c.asks {
			t.Errorf("%s: %d round trips to the cache, want %d; %d calls of the truth, want %d", c.name, trips, c.trips, asks, c.asks)
		}
	}
	if len(rec.Data) != 2<<20 {
		t.Errorf("%d bytes came back", len(rec.Data))
	}
}

// BenchmarkCachedLoad compares warm reads through a cachedstore with reads of its cache alone.
func BenchmarkCachedLoad(b *testing.B) {
	plain, err := New([]string{memcached(b).Addr}, Config{Prefix: "cached:"})
	must(b, err)
	s, err := cachedstore.New(plain, made.Of(memstore.New(memstore.Config{})), cachedstore.Config{SoftTTL: time.Hour})
	must(b, err)
	rec := record(1, 261)
	must(b, s.Create(b.Context(), rec))
	load := func(s driver.Store) func() error {
		return func() error { _, err := s.Load(b.Context(), rec.ID); return err }
	}
	ratio(b, "cached/plain", load(s), load(plain))
}
