package redisstore

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func BenchmarkStore(b *testing.B) { storetest.Bench(b, harness(nil, one, opening(nil, Config{}))) }

// payload is the length of a stored record whose session has five values.
const payload = 261 + offNames

// beside makes raw calls and calls of the store in turns. It reports the tenth percentile of each, so that other load on
// the machine counts for neither, and the store's as a multiple of the raw one.
func beside(b *testing.B, raw, store func() error) {
	var raws, stores []time.Duration
	timed := func(times *[]time.Duration, f func() error) {
		start := time.Now()
		err := f()
		*times = append(*times, time.Since(start))
		ok(b, err)
	}
	for b.Loop() {
		timed(&raws, raw)
		timed(&stores, store)
	}
	slices.Sort(raws)
	slices.Sort(stores)
	r, s := raws[len(raws)/10], stores[len(stores)/10]
	b.ReportMetric(float64(r.Nanoseconds()), "raw-p10-ns")
	b.ReportMetric(float64(s.Nanoseconds()), "store-p10-ns")
	b.ReportMetric(float64(s)/float64(r), "ratio")
	b.ReportMetric(0, "ns/op")
}

// bench has a record in a store, and a value of the same length under the plain client. The client has the store's
// options, which are the fastest that we know for one caller.
type bench struct {
	s      *Store
	rec    *driver.Record
	client rueidis.Client
	value  string
	ctx    context.Context
}

func newBench(b testing.TB, config Config) bench {
	addr := single(b).Addr
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableAutoPipelining: true, DisableCache: true})
	ok(b, err)
	b.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour) // as core's calls have one
	b.Cleanup(cancel)
	s := openStore(b, nil, config, addr)
	e := bench{s, create(b, s, "alice", string(make([]byte, 261))), client, string(make([]byte, payload)), ctx}
	ok(b, e.set())
	return e
}

func (e bench) get() error {
	return e.client.Do(e.ctx, e.client.B().Get().Key("raw").Build()).Error()
}

func (e bench) set() error {
	return e.client.Do(e.ctx, e.client.B().Set().Key("raw").Value(e.value).PxMilliseconds(1e9).Build()).Error()
}

func (e bench) load() error { _, err := e.s.Load(e.ctx, e.rec.ID); return err }

// update is the Update of a request, which also moves the times.
func (e bench) update() error {
	e.rec.Used = e.rec.Used.Add(time.Millisecond)
	e.rec.Expires = e.rec.Expires.Add(time.Millisecond)
	return e.s.Update(e.ctx, e.rec)
}

func (e bench) create() error { return e.s.Create(e.ctx, newRecord("", e.value[offNames:])) }

func BenchmarkLoadBesideGET(b *testing.B) {
	e := newBench(b, Config{})
	beside(b, e.get, e.load)
}

func BenchmarkLoadUpdateBesideGETSET(b *testing.B) {
	e := newBench(b, Config{})
	beside(b, func() error { _ = e.get(); return e.set() }, func() error { _ = e.load(); return e.update() })
}

func BenchmarkUpdateBesideSET(b *testing.B) {
	e := newBench(b, Config{})
	beside(b, e.set, e.update)
}

// BenchmarkLeastScriptBesideSET compares the smallest script that compares anything with a SET.
func BenchmarkLeastScriptBesideSET(b *testing.B) {
	e := newBench(b, Config{})
	least := scriptOf(`if redis.call('GETRANGE', KEYS[1], 0, 0) == ARGV[1] then redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end return 2`)
	ok(b, e.client.Do(e.ctx, e.client.B().ScriptLoad().Script(least.body).Build()).Error())
	beside(b, e.set, func() error {
		return e.client.Do(e.ctx, least.bySHA(e.client, []string{"raw"}, []string{e.value[:1], e.value, "1000000000"})).Error()
	})
}

func BenchmarkCreateBesideSET(b *testing.B) {
	e := newBench(b, Config{})
	beside(b, e.set, e.create)
}

func BenchmarkCachedLoadBesideGET(b *testing.B) {
	e := newBench(b, Config{CacheFor: 10 * time.Second})
	e.s.written = recent{} // forget that the store has just written the record
	beside(b, e.get, e.load)
}

// BenchmarkParallel is for comparing two versions of the store: 32 callers load and update records of their own.
func BenchmarkParallel(b *testing.B) {
	s := openStore(b, nil, Config{}, single(b).Addr)
	b.SetParallelism(32 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		rec := newRecord("", string(make([]byte, 261)))
		err := s.Create(b.Context(), rec)
		for pb.Next() {
			_, failed := s.Load(b.Context(), rec.ID)
			rec.Used, rec.Expires = rec.Used.Add(time.Millisecond), rec.Expires.Add(time.Millisecond)
			err = errors.Join(err, failed, s.Update(b.Context(), rec))
		}
		if err != nil {
			b.Error(err)
		}
	})
}

func BenchmarkBreakerOpen(b *testing.B) {
	proxy := startserver.NewProxy(b, single(b).Addr)
	s := openStore(b, nil, Config{}, proxy.Addr)
	rec := create(b, s, "", "x")
	proxy.Down()
	for b.Loop() {
		_, _ = s.Load(b.Context(), rec.ID)
	}
}

// Allocations are stable and time is not, so this is the test that finds a slower call.
func TestAllocations(t *testing.T) {
	if owncost.Race {
		t.Skip("the race detector allocates; the run without it counts")
	}
	e := newBench(t, Config{})
	for _, c := range []struct {
		name string
		call func() error
		most float64
	}{
		{"Load", e.load, 4},
		{"Update", e.update, 12},
		{"Create", e.create, 8},
	} {
		if got := testing.AllocsPerRun(1000, func() { ok(t, c.call()) }); got > c.most {
			t.Errorf("%s: %v allocations, at most %v", c.name, got, c.most)
		}
	}
}
