package redisstore

import (
	"context"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// cached sends Load's GET with client-side caching. The client keeps the reply until the server says that the key has
// changed, the connection ends, or cacheFor has passed.
func (s *Store) cached(ctx context.Context, id driver.ID) (rueidis.RedisMessage, error) {
	cmd := s.client.B().Get().Key(s.key(id)).Cache().Pin()
	var msg rueidis.RedisMessage
	err := s.guard(ctx, opLoad, cmd.Slot(), func(ctx context.Context) (err error) {
		if msg, err = s.client.DoCache(ctx, cmd, s.cacheFor).ToMessage(); connectionLost(err) {
			msg, _, err = s.send(ctx, s.getPrimary(id))
		}
		return err
	})
	return msg, err
}

// Reload implements driver.Reloader. For a while, Loads of the same record ask the primary, too.
func (s *Store) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	rec, err := s.fromPrimary(ctx, id)
	s.written.add(id, s.bypass)
	return rec, err
}

// fromPrimary loads a record without a cache, and not from a replica.
func (s *Store) fromPrimary(ctx context.Context, id driver.ID) (driver.Record, error) {
	msg, _, err := s.do(ctx, opLoad, s.getPrimary(id))
	if err != nil {
		return driver.Record{}, nilIsNotFound(err)
	}
	return s.read(&msg, id)
}

// getPrimary returns a GET that the client does not recognize as a read, so it sends it to the primary. The client may
// retry it like a read.
func (s *Store) getPrimary(id driver.ID) rueidis.Completed {
	return s.client.B().Arbitrary("GET").Keys(s.key(id)).Build().ToRetryable()
}

// wrote is called after every write, also after a failed one, because it may have had its effect.
func (s *Store) wrote(id driver.ID) {
	if s.lags {
		s.written.add(id, s.bypass)
	}
}

// maxBypass is how long Load asks the primary for a record that this store has written or reloaded, unless CacheFor is
// shorter. By then the notice of the change has arrived. If the connection for notices hangs, the client, which checks
// its connections once a second, has closed it. A replica has long caught up.
const maxBypass = 5 * time.Second

// recent remembers an ID for at least one life after it was added, and for at most two. During that time the notice of
// a change may still be on its way.
type recent struct {
	mu       sync.Mutex
	now, old map[driver.ID]bool
	turned   time.Time
}

func (r *recent) add(id driver.ID, life time.Duration) {
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
	if r.now == nil && r.old == nil {
		return false
	}
	r.turn(life)
	return r.now[id] || r.old[id]
}

// turn drops the older half once it is old enough.
func (r *recent) turn(life time.Duration) {
	switch since := time.Since(r.turned); {
	case since > 2*life:
		r.now, r.old, r.turned = nil, nil, time.Now()
	case since > life:
		r.now, r.old, r.turned = nil, r.now, time.Now()
	}
}
