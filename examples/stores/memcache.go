package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

// openMemcache opens memcache:// and a list of servers. Give all application servers the same list: it decides which
// memcached server has which session.
func openMemcache(name, prefix string) (*memcachestore.Store, error) {
	servers := strings.Split(strings.TrimPrefix(name, "memcache://"), ",")
	store, err := memcachestore.New(servers, memcachestore.Config{Prefix: prefix})
	if err != nil {
		return nil, err
	}
	// New does not dial. Without Ping the shop would start and answer 503 until the servers answer.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := store.Ping(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}
