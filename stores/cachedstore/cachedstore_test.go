package cachedstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// harness opens handles that share a cache and a truth. wrap may put something around
// each handle's cache.
func harness(wrap func(testing.TB, driver.Store) driver.Store) storetest.Harness {
	clock := storetest.NewClock()
	return storetest.Harness{Clock: clock, New: func(testing.TB) func(testing.TB) driver.Store {
		cache := made(memstore.New(memstore.Config{Now: clock.Now}))
		truth := newTruth(memstore.Config{Now: clock.Now})
		return func(tb testing.TB) driver.Store {
			c := remote(cache)
			if wrap != nil {
				c = wrap(tb, c)
			}
			return open(tb, c, remote(truth), cachedstore.Config{Now: clock.Now})
		}
	}}
}

func open(tb testing.TB, cache, truth driver.Store, config cachedstore.Config) *cachedstore.Store {
	tb.Helper()
	if config.Report == nil {
		config.Report = func(driver.ID, error) {}
	}
	s, err := cachedstore.New(cache, truth, config)
	must(tb, err)
	tb.Cleanup(func() { must(tb, s.Close()) })
	return s
}

func TestStore(t *testing.T) { storetest.Run(t, harness(nil)) }

func TestLocalCache(t *testing.T) {
	h := harness(nil)
	h.New = func(testing.TB) func(testing.TB) driver.Store {
		cache, truth := made(memstore.New(memstore.Config{Now: h.Clock.Now})), made(memstore.New(memstore.Config{Now: h.Clock.Now}))
		return func(tb testing.TB) driver.Store {
			return open(tb, cache, truth, cachedstore.Config{Now: h.Clock.Now})
		}
	}
	storetest.Run(t, h)
}

// A cache that is always down is slower, and right.
func TestCacheDown(t *testing.T) {
	storetest.Run(t, harness(func(_ testing.TB, cache driver.Store) driver.Store {
		f := storetest.NewFault(cache)
		f.Before(storetest.When(func(c storetest.Call) bool { return c.Method != "Close" }))
		return f.Store()
	}))
}

// A cache may throw out values as it likes.
func TestForgetfulCache(t *testing.T) {
	cache := made(memstore.New(memstore.Config{}))
	s := open(t, cache, made(memstore.New(memstore.Config{})), cachedstore.Config{})
	rec := driver.Record{ID: driver.ID{1}, Created: time.Now(), Expires: time.Now().Add(time.Hour), Data: []byte("1")}
	must(t, s.Create(t.Context(), &rec))
	for _, data := range []string{"2", "3", "4"} {
		must(t, cache.Delete(t.Context(), rec.ID))
		got, err := s.Load(t.Context(), rec.ID)
		must(t, err)
		if string(got.Data) != string(rec.Data) || got.Version != rec.Version {
			t.Errorf("Load gives %q, stored is %q", got.Data, rec.Data)
		}
		must(t, cache.Delete(t.Context(), rec.ID))
		rec = got
		rec.Data = []byte(data)
		must(t, s.Update(t.Context(), &rec))
	}
}

// The abilities are those of the truth.
func TestAbilitiesOfTheTruth(t *testing.T) {
	type plain struct{ driver.Store }
	cache, truth := made(memstore.New(memstore.Config{})), newTruth(memstore.Config{})
	full := driver.AbilitiesOf(open(t, cache, truth, cachedstore.Config{}))
	bare := driver.AbilitiesOf(open(t, plain{cache}, plain{truth}, cachedstore.Config{}))
	for name, of := range map[string]func(driver.Abilities) bool{
		"Successor": func(a driver.Abilities) bool { return a.Successor != nil },
		"Sweeper":   func(a driver.Abilities) bool { return a.Sweeper != nil },
		"Lister":    func(a driver.Abilities) bool { return a.Lister != nil },
		"Indexer":   func(a driver.Abilities) bool { return a.Indexer != nil },
	} {
		if !of(full) || of(bare) {
			t.Errorf("%s: over a store that has it %t, over one that has not %t", name, of(full), of(bare))
		}
	}
	if bare.Reloader == nil || bare.Closer == nil {
		t.Error("no Reloader or no Closer")
	}
	must(t, bare.Pinger.Ping(t.Context()))
}

func TestNewRefuses(t *testing.T) {
	a, b := made(memstore.New(memstore.Config{})), made(memstore.New(memstore.Config{}))
	for name, f := range map[string]func() (*cachedstore.Store, error){
		"no cache":  func() (*cachedstore.Store, error) { return cachedstore.New(nil, b, cachedstore.Config{}) },
		"no truth":  func() (*cachedstore.Store, error) { return cachedstore.New(a, nil, cachedstore.Config{}) },
		"the same":  func() (*cachedstore.Store, error) { return cachedstore.New(a, a, cachedstore.Config{}) },
		"soft TTL":  func() (*cachedstore.Store, error) { return cachedstore.New(a, b, cachedstore.Config{SoftTTL: -1}) },
		"a timeout": func() (*cachedstore.Store, error) { return cachedstore.New(a, b, cachedstore.Config{Timeout: -1}) },
	} {
		if s, err := f(); err == nil || s != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A sweep also sweeps a cache that needs it.
func TestSweepSweepsTheCache(t *testing.T) {
	clock := storetest.NewClock()
	cache, truth := made(memstore.New(memstore.Config{Now: clock.Now})), made(memstore.New(memstore.Config{Now: clock.Now}))
	s := open(t, cache, truth, cachedstore.Config{Now: clock.Now})
	for i := range 100 {
		must(t, s.Create(t.Context(), record(clock.Now(), i)))
	}
	clock.Advance(31 * time.Second)
	n, err := s.Abilities().Sweeper.Sweep(t.Context(), 10)
	if n != 0 || err != nil || cache.Len() != 0 || truth.Len() != 100 {
		t.Errorf("swept %d, %v; the cache holds %d, the truth %d", n, err, cache.Len(), truth.Len())
	}
}

func record(now time.Time, n int) *driver.Record {
	id := driver.ID{byte(n), byte(n >> 8), 1}
	now = now.Truncate(time.Microsecond) // as stores keep it
	return &driver.Record{ID: id, Subject: "alice", Labels: []string{"admin", "sid"}, Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte("data")}
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

// A cache that cannot sweep fails no sweep, and Report hears of it: its memory or disk may fill up.
func TestSweepOfTheCacheFails(t *testing.T) {
	p := newPair(t)
	p.a.cache.Before(storetest.On("Sweep"))
	if _, err := p.a.Abilities().Sweeper.Sweep(t.Context(), 10); err != nil {
		t.Errorf("Sweep: %v", err)
	}
	if len(p.a.reports) != 1 || !errors.Is(p.a.reports[0], storetest.ErrInjected) {
		t.Errorf("reports: %v", p.a.reports)
	}
	p.a.cache.Before(nil)
}

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
