package filestore

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// CreateLimited implements driver.Limiter. It holds a lock of the subject, and within it the lock of one shard at a
// time, as Create and Delete do. If the process is killed in between, the new session is there and the oldest is not
// gone yet: the next CreateLimited removes it.
func (s *Store) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) (removed []driver.ID, err error) {
	unlock, err := s.lockSubject(ctx, rec.Subject)
	if err != nil {
		return nil, fail(opLimit, err)
	}
	defer unlock()
	found, newer, err := s.sessionsOf(ctx, rec.Subject)
	if err != nil {
		return nil, fail(opLimit, err)
	}
	surplus, err := limit.Surplus(rec, found, newer)
	if err != nil {
		return nil, errLimit
	}
	inserted := *rec
	if err := s.Create(ctx, &inserted); err != nil {
		return nil, err
	}
	for _, id := range surplus {
		gone, err := s.removeSession(ctx, id)
		if gone {
			removed = append(removed, id)
		}
		if err != nil {
			return removed, fail(opLimit, err)
		}
	}
	rec.Version = inserted.Version
	return removed, nil
}

const opLimit = "create within a limit"

// lockSubject waits for the lock of a subject, which it shares with some others. Between processes it is that of a
// folder in the index of labels: nobody else locks those.
func (s *Store) lockSubject(ctx context.Context, subject string) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := sha256.Sum256([]byte(subject))[0]
	turn := s.shards[n].limit
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	dir, err := s.flock(ctx, labelIndex+"/"+shardName(n))
	if err != nil {
		<-turn
		return nil, err
	}
	return func() { dir.Close(); <-turn }, nil
}

// sessionsOf returns the live records of a subject, and the IDs of those that a newer release wrote. A damaged record is
// not among them: it opens no session.
func (s *Store) sessionsOf(ctx context.Context, subject string) (found []driver.Record, newer []driver.ID, err error) {
	for id, err := range s.markedIDs(ctx, entry{subjectIndex, subject}) {
		if err != nil {
			return nil, nil, err
		}
		rec, err := s.read(ctx, id)
		switch {
		case err == nil && rec.Subject == subject:
			found = append(found, rec)
		case errors.Is(err, driver.ErrUnreadable):
			newer = append(newer, id)
		case err != nil && !errors.Is(err, driver.ErrNotFound) && !errors.Is(err, driver.ErrCorrupt):
			return nil, nil, err
		}
	}
	return found, newer, nil
}

// removeSession removes a record, unless it has gone, or is that of an ended session, by now.
func (s *Store) removeSession(ctx context.Context, id driver.ID) (gone bool, err error) {
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return false, err
	}
	defer l.unlock()
	rec, _, err := s.readHeld(id)
	switch {
	case errors.Is(err, driver.ErrNotFound), unreadable(err), err == nil && driver.Ended(rec.Data):
		return false, nil
	case err != nil:
		return false, err
	}
	if err := s.remove(l, id, entriesOf(rec.Subject, rec.Labels)); err != nil {
		return false, err
	}
	return true, syncDir(l.dir)
}
