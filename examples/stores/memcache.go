package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

// openMemcache takes memcache:// and a list of servers. All application servers must have the same
// list: it decides which server has which session.
func openMemcache(name, prefix string) (*memcachestore.Store, error) {
	servers := strings.Split(strings.TrimPrefix(name, "memcache://"), ",")
	store, err := memcachestore.New(servers, memcachestore.Config{Prefix: prefix})
	if err != nil {
		return nil, err
	}
	// New does not dial. Without this, the shop would start, and answer 503 until the servers do.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := store.Ping(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}
