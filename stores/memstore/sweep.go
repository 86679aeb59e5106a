package memstore

import (
	"context"
	"runtime"
	"sync"
)

// cursor is where the sweeper goes on. Its mutex is taken before any shard's.
type cursor struct {
	mu    sync.Mutex
	shard int
	slot  uint32
}

// span is how many slots are looked at in one hold of a shard's mutex: some
// microseconds, and a few tens if all of them are expired.
const span = 64

// Sweep implements driver.Sweeper. It goes on where the last one ended.
func (s *Store) Sweep(_ context.Context, limit int) (int, error) {
	s.sweep.mu.Lock()
	defer s.sweep.mu.Unlock()
	removed, end := 0, false
	for removed < limit && !end {
		var n int
		n, end = s.sweepPart(limit - removed)
		removed += n
		runtime.Gosched() // who waited for this shard goes first
	}
	return removed, nil
}

// sweepPart removes up to limit expired records from the next span of slots, or
// moves on to the next shard. end: that was the last one.
func (s *Store) sweepPart(limit int) (removed int, end bool) {
	c, now := &s.sweep, s.now()
	sh := &s.shards[c.shard]
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for stop := c.slot + span; c.slot < min(stop, sh.slots); {
		if removed == limit {
			return removed, false
		}
		c.slot++
		if e := sh.at(c.slot); e.version != 0 && now >= e.expires {
			s.remove(sh, c.slot)
			removed++
		}
	}
	if c.slot < sh.slots {
		return removed, false
	}
	sh.compact()
	c.slot = 0
	c.shard = (c.shard + 1) % shards
	return removed, c.shard == 0
}
