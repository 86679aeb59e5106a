package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A store with client-side caching keeps every rule within its own process. It sees writes of other servers with a
// delay, which the suite does not allow. So the suite's first two handles are one store.
func TestStoreCached(t *testing.T) {
	clock := storetest.NewClock()
	h := harness(clock, one, opening(clock, Config{CacheFor: time.Minute}))
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
	if n := proxy.Stats().RoundTrips; n > 100 { // the client checks its connections once a second
		t.Errorf("%d round trips for a thousand loads", n)
	}
}

// A write of another server is seen as soon as its notice arrives.
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

// until calls Load until seen returns true. It returns how long that took.
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

// Reload does not wait for a notice, and neither does the Load after it.
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

// If the notice does not get through, Load returns a stale record for CacheFor at most.
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

// If a replica is behind, Load may return an old record. Records that this Store has written or reloaded are up to
// date, and so are lists.
func TestReplicaThatIsBehind(t *testing.T) {
	master := startserver.Redis(t, "--repl-diskless-sync-delay", "0")
	proxy := startserver.NewProxy(t, master.Addr)
	host, port, _ := net.SplitHostPort(proxy.Addr)
	replica := startserver.Redis(t, "--replicaof", host+" "+port)
	for !strings.Contains(command(t, replica, "INFO", "replication"), "master_link_status:up") {
		time.Sleep(time.Millisecond)
	}
	s, err := Open(rueidis.ClientOption{
		InitAddress:    []string{master.Addr},
		Standalone:     rueidis.StandaloneOption{ReplicaAddress: []string{replica.Addr}},
		SendToReplicas: func(cmd rueidis.Completed) bool { return cmd.Commands()[0] != "SET" }, // goes beyond reads
	}, Config{})
	ok(t, err)
	defer s.Close()
	s.bypass = time.Hour // however long the rest of the test takes
	other := openStore(t, nil, Config{}, master.Addr)

	rec := create(t, other, "alice", "before")
	for command(t, replica, "EXISTS", s.key(rec.ID)) != "1" {
		time.Sleep(time.Millisecond)
	}
	proxy.Hang()
	before := *rec
	rec.Data = []byte("after")
	ok(t, other.Update(t.Context(), rec))
	if err := loads(t.Context(), s, &before); err != nil {
		t.Fatalf("the client does not read from the replica, or that is not behind: %v", err)
	}
	got, err := s.Reload(t.Context(), rec.ID)
	ok(t, err)
	if got.Version != rec.Version {
		t.Errorf("Reload: version %d, want %d", got.Version, rec.Version)
	}
	ok(t, loads(t.Context(), s, rec))
	own := create(t, s, "alice", "own")
	ok(t, loads(t.Context(), s, own))
	if n := listed(t, s.BySubject(t.Context(), "alice")); n != 2 {
		t.Errorf("%d records of the subject, want 2", n)
	}
	if n := listed(t, s.All(t.Context())); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
}
