package cachedstore_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestStore(t *testing.T) { storetest.Run(t, harness(nil)) }

func TestLocalCache(t *testing.T) {
	h := harness(nil)
	h.New = func(testing.TB) func(testing.TB) driver.Store {
		cache, truth := made.Of(memstore.New(memstore.Config{Now: h.Clock.Now})), made.Of(memstore.New(memstore.Config{Now: h.Clock.Now}))
		return func(tb testing.TB) driver.Store {
			return open(tb, cache, truth, cachedstore.Config{Now: h.Clock.Now})
		}
	}
	storetest.Run(t, h)
}

// A store whose cache is always down is slower, and right.
func TestCacheDown(t *testing.T) {
	storetest.Run(t, harness(func(_ testing.TB, cache driver.Store) driver.Store {
		f := storetest.NewFault(cache)
		f.Before(storetest.When(func(c storetest.Call) bool { return c.Method != "Close" }))
		return f.Store()
	}))
}

// A cache may evict any value at any time.
func TestForgetfulCache(t *testing.T) {
	cache := made.Of(memstore.New(memstore.Config{}))
	s := open(t, cache, made.Of(memstore.New(memstore.Config{})), cachedstore.Config{})
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

func TestNewRefuses(t *testing.T) {
	a, b := made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{}))
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

// The truth has a format of its own, and the clock is that of the machine.
func TestOverFiles(t *testing.T) {
	t.Parallel()
	var cache driver.Store
	var dir string
	storetest.Run(t, storetest.Harness{
		New: func(tb testing.TB) func(testing.TB) driver.Store {
			mine, files := made.Of(memstore.New(memstore.Config{})), filepath.Join(made.MemoryDir(tb), "sessions")
			cache, dir = mine, files
			return func(tb testing.TB) driver.Store {
				return open(tb, remote(mine), openFiles(tb, files), cachedstore.Config{})
			}
		},
		Newer: func(tb testing.TB, id driver.ID) func() {
			setFormat(tb, dir, id, 2)
			must(tb, cache.Delete(tb.Context(), id))
			return func() { setFormat(tb, dir, id, 1) }
		},
		Damage: func(tb testing.TB, id driver.ID) {
			setFormat(tb, dir, id, 0)
			must(tb, cache.Delete(tb.Context(), id))
		},
	})
}

// uncomparable is a store of a type for which == panics.
type uncomparable struct {
	driver.Store
	_ []int
}

func TestNewComparesNoMoreThanItMay(t *testing.T) {
	a, b := made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{}))
	s, err := cachedstore.New(uncomparable{Store: a}, uncomparable{Store: b}, cachedstore.Config{})
	must(t, err)
	must(t, s.Close())
}

func TestNewOverAStoreThatFailedToOpen(t *testing.T) {
	var none *memstore.Store
	good := made.Of(memstore.New(memstore.Config{}))
	for _, pair := range [][2]driver.Store{{none, good}, {good, none}} {
		if s, err := cachedstore.New(pair[0], pair[1], cachedstore.Config{}); s != nil || err == nil {
			t.Errorf("New = %v, %v, want an error", s, err)
		}
	}
}
