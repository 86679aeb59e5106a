package memcachestore

import (
	"slices"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/storetest"
)

func BenchmarkStore(b *testing.B) { storetest.Bench(b, harness(memcached(b).Addr)) }

// ratio makes both calls in turns and reports how many times as long the first takes. It compares the tenth percentile
// of each, so that other load on the machine counts for neither.
func ratio(b *testing.B, name string, ours, theirs func() error) {
	b.Helper()
	var mine, other []time.Duration
	for b.Loop() {
		for _, c := range []struct {
			call func() error
			took *[]time.Duration
		}{{ours, &mine}, {theirs, &other}} {
			start := time.Now()
			if err := c.call(); err != nil {
				b.Fatal(err)
			}
			*c.took = append(*c.took, time.Since(start))
		}
	}
	p10 := func(all []time.Duration) float64 { slices.Sort(all); return float64(all[len(all)/10].Nanoseconds()) }
	b.ReportMetric(p10(mine), "ours-ns")
	b.ReportMetric(p10(other), "theirs-ns")
	b.ReportMetric(p10(mine)/p10(other), name)
}

// BenchmarkAgainstClient compares the store with the bare client library at the same payload.
func BenchmarkAgainstClient(b *testing.B) {
	srv := memcached(b)
	s := open(b, srv.Addr)
	raw := memcache.New(srv.Addr)
	defer raw.Close()
	rec := record(1, 261)
	must(b, s.Create(b.Context(), rec))
	item := &memcache.Item{Key: "bench:" + rec.ID.String(), Value: rec.Data, Expiration: 3600}
	must(b, raw.Set(item))
	get := func() error { _, err := raw.Get(item.Key); return err }
	load := func() error { _, err := s.Load(b.Context(), rec.ID); return err }
	b.Run("Load", func(b *testing.B) { ratio(b, "of-GET", load, get) })
	b.Run("LoadAndUpdate", func(b *testing.B) {
		ratio(b, "of-GET+SET", func() error {
			got, err := s.Load(b.Context(), rec.ID)
			if err == nil {
				err = s.Update(b.Context(), &got)
			}
			return err
		}, func() error {
			if err := get(); err != nil {
				return err
			}
			return raw.Set(item)
		})
	})
}
