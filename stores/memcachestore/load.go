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
func (s *Store) fetch(ctx context.Context, sv *server, op string, id driver.ID) (*loaded, error) {
	item, err := sv.get(ctx, op, sv.key(&id))
	if err == memcache.ErrCacheMiss {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	return load(id, item)
}

// get reads an item. It refuses an answer about another key, which the client library passes on without a check.
func (sv *server) get(ctx context.Context, op, key string) (item *memcache.Item, err error) {
	_, err = sv.do(ctx, op, func(c *client) (err error) {
		item, err = c.Get(key)
		return err
	})
	if err == nil && item.Key != key {
		return nil, unavailable(op, errOtherKey)
	}
	return item, err
}

var errOtherKey = errors.New("the server answered about another key: is there a faulty proxy before memcached?")

func load(id driver.ID, item *memcache.Item) (*loaded, error) {
	rec, err := decode(id, item.Value)
	if err != nil {
		return nil, err
	}
	return &loaded{rec: rec, cas: item.CasID, nonce: nonceOf(item.Value), hasData: true}, nil
}

// key returns a record's key. It makes one allocation.
func (sv *server) key(id *driver.ID) string { return sv.keyAfter(sv.prefix, id) }

func (sv *server) keyAfter(prefix string, id *driver.ID) string {
	var buf [200]byte
	return string(hex.AppendEncode(append(buf[:0], prefix...), id[:]))
}
