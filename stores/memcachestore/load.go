package memcachestore

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	errNotFound = fmt.Errorf("memcachestore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("memcachestore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("memcachestore: %w", driver.ErrConflict)
)

// Load implements driver.Store.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	l, err := s.fetch(ctx, s.ring.pick(&id), "load", id)
	if err != nil {
		return driver.Record{}, err
	}
	if !l.rec.Live(time.Now()) {
		return driver.Record{}, errNotFound
	}
	s.memory.keep(l)
	return l.rec, nil
}

// fetch reads an item, live or expired.
func (s *Store) fetch(ctx context.Context, sv *server, what string, id driver.ID) (*loaded, error) {
	item, err := sv.get(ctx, what, sv.key(&id))
	if err == memcache.ErrCacheMiss {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return load(id, item)
}

// get reads an item, and believes no answer that is about another key: the client library hands out whatever comes.
func (sv *server) get(ctx context.Context, what, key string) (item *memcache.Item, err error) {
	_, err = sv.do(ctx, what, func(c *client) (err error) {
		item, err = c.Get(key)
		return err
	})
	if err == nil && item.Key != key {
		return nil, unavailable(what, errMixed)
	}
	return item, err
}

var errMixed = errors.New("the server answered about another key: is there a proxy before memcached?")

func load(id driver.ID, item *memcache.Item) (*loaded, error) {
	rec, err := decode(id, item.Value)
	if err != nil {
		return nil, err
	}
	return &loaded{rec: rec, cas: item.CasID, nonce: nonceOf(item.Value), whole: true}, nil
}

// key is one allocation.
func (sv *server) key(id *driver.ID) string { return sv.keyAfter(sv.prefix, id) }

func (sv *server) keyAfter(prefix string, id *driver.ID) string {
	var room [200]byte
	return string(hex.AppendEncode(append(room[:0], prefix...), id[:]))
}
