package filestore

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Load implements driver.Store. It takes no lock.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if err := ctx.Err(); err != nil {
		return driver.Record{}, fail("load", err)
	}
	rec, err := s.read(ctx, id)
	if s.tears(err) {
		rec, err = s.readAgain(ctx, id)
	}
	if err != nil {
		return driver.Record{}, fail("load", err)
	}
	return rec, nil
}

// liveness returns nil if the record is live, and otherwise the reason.
func (s *Store) liveness(h *head) error {
	now := s.now()
	switch {
	case h.live(now):
		return nil
	case h.expired(now):
		return errNotFound
	}
	return corrupt(h.id)
}

// Create implements driver.Store.
func (s *Store) Create(ctx context.Context, rec *driver.Record) error {
	if !fits(rec) {
		return errTooLarge
	}
	l, err := s.lock(ctx, rec.ID[0])
	if err != nil {
		return fail("create", err)
	}
	defer l.unlock()
	next := *rec
	// A random version, not 1: a request that still has a version of a deleted record must not match the record that
	// came after it.
	next.Version = rand.Uint64() >> 2
	if !s.syncs(rec) {
		err := s.putNew(l, &next)
		if err == nil {
			rec.Version = next.Version
		}
		if !errors.Is(err, fs.ErrExist) {
			return fail("create", err)
		}
	}
	old, err := s.peekLocked(rec.ID)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case unreadable(err): // nobody can say that it has expired
		return errExists
	case err != nil:
		return fail("create", err)
	case !old.expired(s.now()):
		return errExists
	default:
		next.Version = old.version + 1
	}
	if err := s.put(l, &next, old.entries()); err != nil {
		return fail("create", err)
	}
	rec.Version = next.Version
	return nil
}

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	if len(rec.Data) > maxData {
		return errTooLarge
	}
	l, err := s.lock(ctx, rec.ID[0])
	if err != nil {
		return fail("update", err)
	}
	defer l.unlock()
	f, err := s.openRecord(rec.ID, os.O_RDWR)
	if err != nil {
		return fail("update", err)
	}
	defer f.Close()
	old, h, err := readFile(f, rec.ID) // the whole file: otherwise the new file would hide damage in the parts that it keeps
	if s.drop(rec.ID, err) {
		return errNotFound
	}
	if err == nil {
		err = s.liveness(&h)
	}
	switch {
	case err != nil:
		return fail("update", err)
	case old.Version != rec.Version:
		return errConflict
	}
	next := updated(&old, rec)
	if b, ok := s.inPlace(&h, &next); ok {
		_, err = f.WriteAt(b, h.other)
	} else {
		f.Close() // for Windows, which does not replace an open file
		err = s.put(l, &next, h.entries())
	}
	if err != nil {
		return fail("update", err)
	}
	rec.Version = next.Version
	return nil
}

// updated returns the record that an Update of old with rec writes.
func updated(old, rec *driver.Record) driver.Record {
	later := timesOf(old.Used, old.Expires).forward(timesOf(rec.Used, rec.Expires))
	next := *rec
	next.Version++
	next.Labels = nil
	if rec.Subject != "" {
		next.Subject, next.Labels = old.Subject, old.Labels
	}
	next.Created = old.Created
	next.Used = time.UnixMicro(later.used)
	if !rec.Exact {
		next.Expires = time.UnixMicro(later.expires)
	}
	return next
}

// Touch implements driver.Store. It does not sync: see Durability in the package comment.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return fail("touch", err)
	}
	defer l.unlock()
	f, err := s.openRecord(id, os.O_RDWR)
	if err != nil {
		return fail("touch", err)
	}
	defer f.Close()
	h, err := peekFile(f, id)
	if s.drop(id, err) {
		return errNotFound
	}
	if err != nil {
		return fail("touch", err)
	}
	if err := s.liveness(&h); err != nil {
		return err
	}
	if h.version != version {
		return errConflict
	}
	if later := h.forward(timesOf(used, expires)); later != h.times {
		_, err = f.WriteAt(appendSlot(nil, later), h.spare)
	}
	return fail("touch", err)
}

// Delete implements driver.Store. It also removes a record that cannot be read, and anything else in its place.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return fail("delete", err)
	}
	defer l.unlock()
	old, _ := s.peek(id) // for its markers; if it cannot be read, a later walk removes them
	if err := s.remove(l, id, old.entries()); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fail("delete", err)
	}
	return fail("delete", syncDir(l.dir))
}

// remove removes the file and its markers. The caller holds the lock, and syncs if the removal must survive a power
// failure. A folder that is not empty is renamed, because what is in it belongs to somebody.
func (s *Store) remove(l *locked, id driver.ID, entries []entry) error {
	name := fileName(id)
	err := l.root.Remove(name[3:])
	if err != nil && s.isFolder(name) == nil {
		err = s.root.Rename(name, name[:3]+"folder-"+strconv.FormatUint(rand.Uint64(), 36))
	}
	if err != nil {
		return err
	}
	s.removeMarkers(id, entries)
	return nil
}
