package memstore

import (
	"context"
	"runtime"
	"sync"
)

// cursor is the position from which the next Sweep continues. Its mutex is locked before that of a shard.
type cursor struct {
	mu    sync.Mutex
	shard int
	slot  uint32
}

// span is how many slots a sweep looks at while it holds a shard's mutex. That takes some microseconds, and some tens
// of them if all the records have expired.
const span = 64

// Sweep implements driver.Sweeper. It continues where the last Sweep ended.
func (s *Store) Sweep(_ context.Context, limit int) (int, error) {
	s.sweep.mu.Lock()
	defer s.sweep.mu.Unlock()
	removed, end := 0, false
	for removed < limit && !end {
		var n int
		n, end = s.sweepPart(limit - removed)
		removed += n
		runtime.Gosched() // lets calls that wait for this shard go first
	}
	return removed, nil
}

// sweepPart removes up to limit expired records from the next span of slots. At the end of a shard it moves on to the
// next one. end means that this was the last shard.
func (s *Store) sweepPart(limit int) (removed int, end bool) {
	c, now := &s.sweep, s.now()
	sh := s.at(c.shard)
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
