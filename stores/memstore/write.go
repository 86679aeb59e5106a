package memstore

import (
	"fmt"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	errNotFound = fmt.Errorf("memstore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("memstore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("memstore: %w", driver.ErrConflict)
	errLimit    = fmt.Errorf("memstore: %w", driver.ErrLimit)
	errTooLarge = fmt.Errorf("memstore: %w: one record of more than Config.MaxBytes", driver.ErrTooLarge)
	errFull     = driver.Unavailable("memstore", ErrFull)
)

// create is Create with the lock held.
func (s *Store) create(sh *shard, rec *driver.Record) error {
	if slot := sh.find(&rec.ID); slot != 0 {
		if s.now() < sh.at(slot).expires { // read the clock only here, because an ID is almost always new
			return errExists
		}
		s.remove(sh, slot)
	}
	if err := s.reserve(0, size(len(rec.Data), rec.Subject, rec.Labels)); err != nil {
		return err
	}
	sh.version++
	rec.Version = sh.version
	sh.insert(entry{
		id: rec.ID, subject: strings.Clone(rec.Subject), labels: clone(rec.Labels), data: clip(rec.Data), version: rec.Version,
		created: rec.Created.UnixMicro(), used: rec.Used.UnixMicro(), expires: rec.Expires.UnixMicro(),
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
	subject, labels := e.subject, e.labelled()
	if rec.Subject == "" {
		subject, labels = "", nil
	}
	if err := s.reserve(e.size(), size(len(rec.Data), subject, labels)); err != nil {
		return err
	}
	if rec.Subject == "" {
		sh.clearNames(slot)
	}
	sh.version++
	rec.Version = sh.version
	e.version, e.data, e.used = rec.Version, clip(rec.Data), max(e.used, rec.Used.UnixMicro())
	if expires := rec.Expires.UnixMicro(); rec.Exact || expires > e.expires {
		e.expires = expires
	}
	return nil
}

// remove removes the record in slot, with the lock held.
func (s *Store) remove(sh *shard, slot uint32) {
	s.records.Add(-1)
	s.bytes.Add(-sh.at(slot).size())
	sh.remove(slot)
}

// clip removes the spare capacity of data, so that an append by one reader does not change what others read.
func clip(data []byte) []byte { return data[:len(data):len(data)] }

// clone copies labels, so that they do not keep alive a longer text of which they are a part. It returns nil for no
// labels: most sessions have none, and cost one pointer.
func clone(labels []string) *[]string {
	if len(labels) == 0 {
		return nil
	}
	own := make([]string, len(labels))
	for i, label := range labels {
		own[i] = strings.Clone(label)
	}
	return &own
}
