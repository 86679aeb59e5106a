package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// One PostgreSQL is enough where none is killed.
var sharedPostgres = startserver.Share(func(tb testing.TB) *startserver.Server { return startserver.Postgres(tb) })

func sharedPostgresURL(t *testing.T) (string, *startserver.Server) {
	s := sharedPostgres(t)
	return urlOf(s), s
}

// The round trips that README.md names: of /cart, which only reads the session, and of /, which
// counts the visit.
func TestRoundTrips(t *testing.T) {
	type trips struct{ readStore, readCache, writeStore, writeCache int }
	for _, c := range []struct {
		name         string
		store, cache urlFunc
		want         trips
	}{
		{name: "postgres", store: sharedPostgresURL, want: trips{readStore: 1, writeStore: 2}},
		{name: "mariadb", store: mariadbURL, want: trips{readStore: 1, writeStore: 2}},
		{name: "redis", store: redisURL, want: trips{readStore: 1, writeStore: 2}},
		{name: "memcached", store: oneMemcachedURL, want: trips{readStore: 1, writeStore: 2}},
		{name: "postgres behind redis", store: sharedPostgresURL, cache: redisURL, want: trips{0, 1, 1, 3}},
		{name: "postgres behind memcached", store: sharedPostgresURL, cache: oneMemcachedURL, want: trips{0, 1, 1, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			storeURL, store := proxied(t, c.store)
			cache := store
			if c.cache != nil {
				var cacheURL string
				cacheURL, cache = proxied(t, c.cache)
				storeURL = behind(storeURL, cacheURL)
			}
			p := start(t, storeURL)
			b := &browser{t: t, p: p, agent: firefox}
			b.asAlice().get("/") // prepares statements, and shows the message
			count := func(path string) (inStore, inCache int) {
				// The median: a client may also look whether its connection lives, and send two commands at once.
				var stores, caches [9]int
				for i := range stores {
					store.ResetStats()
					cache.ResetStats()
					b.get(path).wantUser("alice")
					stores[i], caches[i] = store.Stats().RoundTrips, cache.Stats().RoundTrips
				}
				slices.Sort(stores[:])
				slices.Sort(caches[:])
				if c.cache == nil {
					return stores[len(stores)/2], 0
				}
				return stores[len(stores)/2], caches[len(caches)/2]
			}
			var got trips
			got.readStore, got.readCache = count("/cart")
			got.writeStore, got.writeCache = count("/")
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// proxied returns the URL by way of a proxy that counts.
func proxied(t *testing.T, of urlFunc) (string, *startserver.Proxy) {
	url, server := of(t)
	proxy := startserver.NewProxy(t, server.Addr)
	return strings.Replace(url, server.Addr, proxy.Addr, 1), proxy
}

func oneMemcachedURL(t *testing.T) (string, *startserver.Server) {
	s := startserver.Memcached(t)
	return "memcache://" + s.Addr, s
}
