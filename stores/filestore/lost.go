package filestore

import (
	"context"
	"errors"
	"io/fs"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// With SyncEnds a file may be torn: empty, cut off or with a wrong checksum. Either another writer has just begun it, or
// a power failure has damaged it, or its writer was killed. Nobody writes while one holds the shard's lock, so what is
// torn then is lost.

// tornError is the ErrCorrupt of a file that is torn.
type tornError struct{ error }

func (e tornError) Unwrap() error { return e.error }

func torn(id driver.ID) error { return tornError{corrupt(id)} }

// tears reports whether err says that a file is torn, and the Store has to expect it. The record is absent then.
func (s *Store) tears(err error) bool {
	var torn tornError
	return s.sync == SyncEnds && errors.As(err, &torn)
}

// drop removes the file of a lost session and returns true. err is what reading it gave; of any other error it returns
// false. The caller holds the lock.
func (s *Store) drop(id driver.ID, err error) bool {
	if !s.tears(err) || s.root.Remove(fileName(id)) != nil {
		return false
	}
	s.log.Warn("filestore: a session is lost: its file was damaged when the system or the process was stopped", "file", fileName(id))
	return true
}

// readLocked is read for a caller that holds the lock.
func (s *Store) readLocked(id driver.ID) (driver.Record, error) {
	rec, _, err := s.readHeld(id)
	if s.drop(id, err) {
		err = errNotFound
	}
	return rec, err
}

// peekLocked is peek for a caller that holds the lock.
func (s *Store) peekLocked(id driver.ID) (head, error) {
	h, err := s.peek(id)
	if s.drop(id, err) {
		err = fs.ErrNotExist
	}
	return h, err
}

// readAgain reads a record that seemed torn.
func (s *Store) readAgain(ctx context.Context, id driver.ID) (driver.Record, error) {
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return driver.Record{}, err
	}
	defer l.unlock()
	return s.readLocked(id)
}
