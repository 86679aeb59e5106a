package memstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	errNotFound = fmt.Errorf("memstore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("memstore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("memstore: %w", driver.ErrConflict)
	errTooLarge = fmt.Errorf("memstore: %w: more than MaxBytes", driver.ErrTooLarge)
	errFull     = driver.Unavailable("memstore", ErrFull)
)

// Rotate implements driver.Rotator.
func (s *Store) Rotate(_ context.Context, old, next *driver.Record) error {
	s.makeRoom(next)
	now, from, to := s.now(), s.shard(&old.ID), s.shard(&next.ID)
	defer s.lockBoth(number(&old.ID), number(&next.ID))()
	created := *next
	if err := s.create(to, &created, now); err != nil {
		return err
	}
	if err := s.update(from, old, now); err != nil {
		s.remove(to, to.find(&next.ID))
		return err
	}
	next.Version = created.Version
	return nil
}

// create is Create with the lock held.
func (s *Store) create(sh *shard, rec *driver.Record, now int64) error {
	if slot := sh.find(&rec.ID); slot != 0 {
		if now < sh.at(slot).expires {
			return errExists
		}
		s.remove(sh, slot)
	}
	if err := s.reserve(0, size(len(rec.Data), rec.Subject)); err != nil {
		return err
	}
	sh.version++
	rec.Version = sh.version
	sh.insert(entry{
		id: rec.ID, subject: strings.Clone(rec.Subject), data: clip(rec.Data), version: rec.Version,
		created: rec.Created.UnixMicro(), expires: rec.Expires.UnixMicro(),
	})
	return nil
}

// update is Update with the lock held.
func (s *Store) update(sh *shard, rec *driver.Record, now int64) error {
	slot := sh.find(&rec.ID)
	if slot == 0 || now >= sh.at(slot).expires {
		return errNotFound
	}
	e := sh.at(slot)
	if e.version != rec.Version {
		return errConflict
	}
	if err := s.reserve(size(len(e.data), e.subject), size(len(rec.Data), rec.Subject)); err != nil {
		return err
	}
	if e.subject != rec.Subject {
		sh.unlink(bySubject, slot)
		e.subject = strings.Clone(rec.Subject)
		sh.link(bySubject, slot)
	}
	sh.version++
	rec.Version = sh.version
	e.version, e.data, e.expires = rec.Version, clip(rec.Data), rec.Expires.UnixMicro()
	return nil
}

// remove removes what is in slot, with the lock held.
func (s *Store) remove(sh *shard, slot uint32) {
	e := sh.at(slot)
	s.records.Add(-1)
	s.bytes.Add(-size(len(e.data), e.subject))
	sh.remove(slot)
}

// clip keeps an append to Data by one of its readers from reaching the others.
func clip(data []byte) []byte { return data[:len(data):len(data)] }

// lockBoth locks two shards, which may be one, in the order that all callers keep.
func (s *Store) lockBoth(a, b int) (unlock func()) {
	first, second := &s.shards[min(a, b)], &s.shards[max(a, b)]
	first.mu.Lock()
	if a == b {
		return first.mu.Unlock
	}
	second.mu.Lock()
	return func() { second.mu.Unlock(); first.mu.Unlock() }
}
