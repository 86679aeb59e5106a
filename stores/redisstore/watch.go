package redisstore

import (
	"context"
	"sync"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Abilities implements the method that driver.AbilitiesOf looks for: only a client that Open made for client-side
// caching tells of changes.
func (s *Store) Abilities() driver.Abilities {
	can := driver.AbilitiesByMethods(s)
	if s.notices == nil {
		can.Watcher = nil
	}
	if !s.oneSlot { // no script could look at all sessions of a user
		can.Limiter = nil
	}
	return can
}

// Watch implements driver.Watcher. It reads the record with client-side caching. So Redis remembers that this client
// knows it, and tells it of the next change. It does not tell of a later one, unless the record is read again.
func (s *Store) Watch(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error) {
	stop := func() {}
	if s.notices != nil { // first: the notice may come before the reply has been read
		stop = s.notices.listen(s.key(id), changed)
	}
	rec, err := s.loadCached(ctx, id)
	if err != nil {
		stop()
		return driver.Record{}, nil, err
	}
	return rec, stop, nil
}

func (s *Store) loadCached(ctx context.Context, id driver.ID) (driver.Record, error) {
	msg, err := s.cached(ctx, id)
	if err != nil {
		return driver.Record{}, nilIsNotFound(err)
	}
	return s.read(&msg, id)
}

// notices brings the notices of a client to those who watch records.
type notices struct {
	mu sync.Mutex
	of map[string]map[*listener]struct{} // by key
}

type listener struct{ changed func() }

// listen makes a notice about key call changed, until stop.
func (n *notices) listen(key string, changed func()) (stop func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &listener{changed}
	if n.of == nil {
		n.of = map[string]map[*listener]struct{}{}
	}
	if n.of[key] == nil {
		n.of[key] = map[*listener]struct{}{}
	}
	n.of[key][l] = struct{}{}
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.of[key], l)
		if len(n.of[key]) == 0 {
			delete(n.of, key)
		}
	}
}

// come is called by the client, which waits for it. No keys: a connection has ended, or the server was flushed, so
// every record may have changed.
func (n *notices) come(keys []rueidis.RedisMessage) {
	n.mu.Lock()
	var all []*listener
	if keys == nil {
		for _, some := range n.of {
			for l := range some {
				all = append(all, l)
			}
		}
	}
	for i := range keys {
		key, _ := keys[i].ToString()
		for l := range n.of[key] {
			all = append(all, l)
		}
	}
	n.mu.Unlock()
	for _, l := range all {
		l.changed()
	}
}
