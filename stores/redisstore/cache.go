package redisstore

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// cached is Load's question with client-side caching: the client keeps the reply
// until the server says that the key has changed, the connection ends, or
// cacheFor has passed.
func (s *Store) cached(ctx context.Context, id driver.ID) (rueidis.RedisMessage, error) {
	cmd := s.client.B().Get().Key(s.key(id)).Cache()
	var msg rueidis.RedisMessage
	err := s.guard(ctx, "redisstore: load", cmd.Slot(), func(ctx context.Context) (err error) {
		msg, err = s.client.DoCache(ctx, cmd, s.cacheFor).ToMessage()
		return err
	})
	return msg, err
}

// maxBypass is how long Load asks the server for what this store has written, unless
// CacheFor is shorter. By then the notice has come, or the client, which looks
// after its connections once a second, has closed the one that hangs.
const maxBypass = 5 * time.Second

// recent remembers the IDs that this store wrote within the last life, at least,
// and twice that at most. For those, the notice of the change may still be on its
// way.
type recent struct {
	mu       sync.Mutex
	now, old map[driver.ID]bool
	turned   time.Time
}

// add is called after the write, whatever came of it: one that was answered by
// an error may have happened. life 0 means that nothing is cached.
func (r *recent) add(id driver.ID, life time.Duration) {
	if life == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(life)
	if r.now == nil {
		r.now = map[driver.ID]bool{}
	}
	r.now[id] = true
}

func (r *recent) has(id driver.ID, life time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.turn(life)
	return r.now[id] || r.old[id]
}

// turn forgets the older half when it is old enough.
func (r *recent) turn(life time.Duration) {
	switch since := time.Since(r.turned); {
	case since > 2*life:
		r.now, r.old, r.turned = nil, nil, time.Now()
	case since > life:
		r.now, r.old, r.turned = nil, r.now, time.Now()
	}
}
