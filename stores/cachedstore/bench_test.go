package cachedstore_test

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func BenchmarkStore(b *testing.B) { storetest.Bench(b, benchHarness()) }

func benchHarness() storetest.Harness {
	return storetest.Harness{New: func(testing.TB) func(testing.TB) driver.Store {
		cache, truth := made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{}))
		return func(tb testing.TB) driver.Store {
			return open(tb, cache, truth, cachedstore.Config{SoftTTL: time.Hour})
		}
	}}
}

// BenchmarkWarmLoad compares reads with those of the cache itself, in turns of one run. The
// cache is the quickest there is; with one on a server, the difference is lost in the
// round trip (see the benchmark of memcachestore).
func BenchmarkWarmLoad(b *testing.B) {
	cache := made.Of(memstore.New(memstore.Config{}))
	s := open(b, cache, made.Of(memstore.New(memstore.Config{})), cachedstore.Config{SoftTTL: time.Hour})
	rec := record(time.Now(), 1)
	must(b, s.Create(b.Context(), rec))
	load := func(s driver.Store) time.Duration {
		start := time.Now()
		for range 1000 {
			if _, err := s.Load(b.Context(), rec.ID); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(start)
	}
	var own, plain time.Duration
	for b.Loop() {
		plain += load(cache)
		own += load(s)
	}
	b.ReportMetric(float64(own.Nanoseconds())/float64(b.N)/1000, "ns/load")
	b.ReportMetric(float64((own-plain).Nanoseconds())/float64(b.N)/1000, "ns-more/load")
}
