package main

import (
	"errors"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// openCached puts a cache in front of truth, the store that keeps the sessions. Reads come from the cache, writes go to
// both. If the cache is down at the start, openCached returns an error, so that you notice a wrong address. If it goes
// down later, the shop gets slower and no request fails.
func openCached(name string, truth driver.Store) (driver.Store, error) {
	cache, err := openCache(name)
	if err != nil {
		return nil, err
	}
	store, err := cachedstore.New(cache, truth, cachedstore.Config{})
	if err != nil {
		return nil, errors.Join(err, closeStore(cache))
	}
	return store, nil // its Close closes both
}

func openCache(name string) (driver.Store, error) {
	const prefix = "shop-cache:" // not the store's prefix: both may be on one server
	kind, _, _ := strings.Cut(name, ":")
	switch {
	case kind == "redis" || kind == "rediss":
		return openRedis(name, prefix)
	case kind == "memcache":
		return openMemcache(name, prefix)
	case name == "memory":
		// With one cache in each process, a second process would learn of a logout here only after 30 s.
		return memstore.New(memstore.Config{})
	}
	return nil, errForm
}
