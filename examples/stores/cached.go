package main

import (
	"errors"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// openCached puts a cache in front of truth, which keeps the sessions: reads come from the cache,
// writes go to both. A cache that is down here is an error, so that a wrong address is seen; one that
// goes down later makes the shop slower, and fails no request.
func openCached(name string, truth driver.Store) (driver.Store, error) {
	cache, err := openCache(name)
	if err != nil {
		return nil, err
	}
	store, err := cachedstore.New(cache, truth, cachedstore.Config{})
	if err != nil {
		return nil, errors.Join(err, closeStore(cache))
	}
	return store, nil // closes both
}

func openCache(name string) (driver.Store, error) {
	const prefix = "shop-cache:" // of its own, also where the store is on the same server
	kind, _, _ := strings.Cut(name, ":")
	switch {
	case kind == "redis" || kind == "rediss":
		return openRedis(name, prefix)
	case kind == "memcache":
		return openMemcache(name, prefix)
	case name == "memory":
		// The memory of a second process would learn of a logout in this one after 30 s only.
		return memstore.New(memstore.Config{})
	}
	return nil, errForm
}
