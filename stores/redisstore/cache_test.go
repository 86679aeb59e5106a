package redisstore

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A store with client-side caching keeps every rule towards its own process. (What
// it sees of other servers' writes comes with a delay, and the suite allows none.)
func TestStoreCached(t *testing.T) {
	clock := storetest.NewClock()
	h := harness(clock, one, with(clock, Config{CacheFor: time.Minute}))
	fresh := h.New
	h.New = func(tb testing.TB) func(testing.TB) driver.Store {
		open, n := fresh(tb), 0
		var shared driver.Store
		return func(tb testing.TB) driver.Store {
			if n++; n == 1 {
				shared = open(tb)
			}
			if n <= 2 {
				return shared
			}
			return open(tb)
		}
	}
	storetest.Run(t, h)
}

func TestCachedLoadAsksNobody(t *testing.T) {
	proxy := startserver.NewProxy(t, single(t).Addr)
	s := openStore(t, nil, Config{CacheFor: time.Minute}, proxy.Addr)
	rec := create(t, openStore(t, nil, Config{}, single(t).Addr), "alice", "data")
	ok(t, loads(t.Context(), s, rec))
	proxy.ResetStats()
	for range 1000 {
		ok(t, loads(t.Context(), s, rec))
	}
	if n := proxy.Stats().RoundTrips; n > 100 { // the client looks after its connections once a second
		t.Errorf("%d round trips for a thousand loads", n)
	}
}

// What another server writes is seen as soon as the notice is there.
func TestCacheHearsOfChanges(t *testing.T) {
	for name, addrs := range servers(t) {
		t.Run(name, func(t *testing.T) {
			s, other := openStore(t, nil, Config{CacheFor: time.Minute}, addrs...), openStore(t, nil, Config{}, addrs...)
			rec := create(t, other, "alice", "data")
			var worst time.Duration
			for range 50 {
				ok(t, loads(t.Context(), s, rec))
				ok(t, other.Update(t.Context(), rec))
				worst = max(worst, until(t, s, rec, func(got driver.Record, err error) bool { return err == nil && got.Version == rec.Version }))
			}
			ok(t, other.Delete(t.Context(), rec.ID))
			worst = max(worst, until(t, s, rec, func(_ driver.Record, err error) bool { return errors.Is(err, driver.ErrNotFound) }))
			t.Logf("seen after %v at worst", worst)
		})
	}
}

// until loads until seen is true, and returns how long that took.
func until(t *testing.T, s *Store, rec *driver.Record, seen func(driver.Record, error) bool) time.Duration {
	t.Helper()
	for begun := time.Now(); ; {
		if seen(s.Load(t.Context(), rec.ID)) {
			return time.Since(begun)
		}
		if time.Since(begun) > soon { // and less than CacheFor
			t.Fatal("the change is not seen")
		}
		time.Sleep(50 * time.Microsecond)
	}
}

// Reload waits for no notice, and nor does the Load after it.
func TestReloadIsAheadOfTheNotice(t *testing.T) {
	for name, addrs := range servers(t) {
		t.Run(name, func(t *testing.T) {
			a, b := openStore(t, nil, Config{CacheFor: time.Minute}, addrs...), openStore(t, nil, Config{CacheFor: time.Minute}, addrs...)
			for round := range 500 {
				rec := create(t, a, "alice", "before")
				ok(t, loads(t.Context(), b, rec))
				ok(t, loads(t.Context(), b, rec)) // from the cache
				rec.Data = []byte("after")
				ok(t, a.Update(t.Context(), rec))
				got, err := b.Reload(t.Context(), rec.ID)
				if err != nil || got.Version != rec.Version {
					t.Fatalf("round %d: Reload: version %d, want %d, %v", round, got.Version, rec.Version, err)
				}
				ok(t, loads(t.Context(), b, rec))
				ok(t, a.Delete(t.Context(), rec.ID))
				if _, err = b.Reload(t.Context(), rec.ID); !errors.Is(err, driver.ErrNotFound) {
					t.Fatalf("round %d: Reload after Delete: %v", round, err)
				}
			}
		})
	}
}

// Where the notice does not get through, a stale record lives for CacheFor at most.
func TestCacheIsBoundedWithoutNotice(t *testing.T) {
	const cacheFor = 300 * time.Millisecond
	proxy := startserver.NewProxy(t, single(t).Addr)
	s, other := openStore(t, nil, Config{CacheFor: cacheFor}, proxy.Addr), openStore(t, nil, Config{}, single(t).Addr)
	rec := create(t, other, "alice", "data")
	ok(t, loads(t.Context(), s, rec))
	loaded := time.Now()
	proxy.Hang()
	ok(t, other.Delete(t.Context(), rec.ID))
	for time.Since(loaded) < 2*cacheFor {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		asked := time.Now()
		err := loads(ctx, s, rec)
		cancel()
		if err == nil && asked.Sub(loaded) > cacheFor+20*time.Millisecond {
			t.Fatalf("a session that was ended is still there %v after it was loaded", asked.Sub(loaded))
		}
		if err != nil && !errors.Is(err, driver.ErrUnavailable) {
			t.Fatal(err)
		}
	}
	proxy.Heal()
	until(t, s, rec, func(_ driver.Record, err error) bool { return errors.Is(err, driver.ErrNotFound) })
}
