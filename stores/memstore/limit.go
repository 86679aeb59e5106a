package memstore

import (
	"context"
	"hash/maphash"
	"sync"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// limitLocks are mutexes for CreateLimited, by subject. Such a mutex is locked before that of a shard.
type limitLocks [64]sync.Mutex

func (l *limitLocks) of(subject string) *sync.Mutex {
	return &l[maphash.String(seed, subject)%uint64(len(l))]
}

// CreateLimited implements driver.Limiter. The records of a subject are in many shards, so a mutex of the subject makes
// the whole one step.
func (s *Store) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) (removed []driver.ID, err error) {
	mu := s.limits.of(rec.Subject)
	mu.Lock()
	defer mu.Unlock()
	var found []driver.Record
	for other := range s.BySubject(ctx, rec.Subject) {
		found = append(found, other)
	}
	surplus, err := limit.Surplus(rec, found, nil)
	if err != nil {
		return nil, errLimit
	}
	if err := s.Create(ctx, rec); err != nil {
		return nil, err
	}
	for _, id := range surplus {
		if s.removeSession(id) {
			removed = append(removed, id)
		}
	}
	return removed, nil
}

// removeSession removes a record, unless it has expired or is that of an ended session by now.
func (s *Store) removeSession(id driver.ID) bool {
	now, sh := s.now(), s.shard(&id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.live(&id, now)
	if e == nil || driver.Ended(e.data) {
		return false
	}
	s.remove(sh, sh.find(&id))
	return true
}

// Count implements driver.Counter. It looks at each record, a shard at a time.
func (s *Store) Count(_ context.Context, namespace [16]byte) (n int, err error) {
	now := s.now()
	for i := range s.shards {
		sh := s.at(i)
		sh.mu.Lock()
		for e := range sh.all {
			if now < e.expires && [16]byte(e.id[16:]) == namespace && !driver.Ended(e.data) {
				n++
			}
		}
		sh.mu.Unlock()
	}
	return n, nil
}
