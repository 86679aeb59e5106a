// Package ownstore is the example of docs/writing-a-store.md: a whole store, with the standard library only. It keeps
// all sessions in one file, and appends a line to it for each change.
//
//	store, err := ownstore.New("sessions.log", ownstore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// # Expiry
//
// A record expires exactly at its deadline, to the microsecond, by the clock of this process. Sweep frees its memory.
//
// # Concurrency
//
// One call at a time uses the file. A call that waits for its turn gives up when its context ends. A call that reads or
// writes does not: on a disk that hangs, it hangs.
//
// # Abilities
//
// A Store is a [driver.Pinger], [io.Closer], [driver.Sweeper], [driver.Lister] and [driver.Indexer]. BySubject reads all
// sessions to find those of one user.
//
// # Limits
//
// One process has the file: the last one that opened it. The others get driver.ErrUnavailable from then on. The file
// grows with each change, and New writes it anew without what is superseded. It is tested on Linux only.
//
// # Durability
//
// What was acknowledged is on the disk, and survives a power failure.
package ownstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Now returns the current time, for tests. Default: time.Now.
	Now func() time.Time
}

// Store is a driver.Store in one file. New makes one. Its methods may be called concurrently.
type Store struct {
	path string
	now  func() time.Time
	turn chan struct{} // holds one value while a call uses the fields below

	file *os.File
	info os.FileInfo // of file, as New made it
	size int64       // of the lines that were acknowledged
	at   map[driver.ID]place
}

// place is where the last line of a record is.
type place struct {
	offset  int64
	length  int
	expires time.Time
}

var _ driver.Store = (*Store)(nil)

// The errors that the contract asks for. Callers find them with errors.Is.
var (
	errNotFound = fmt.Errorf("ownstore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("ownstore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("ownstore: %w", driver.ErrConflict)
	errTaken    = errors.New("another process has opened the file")
)

// Info implements driver.Backend.
func (*Store) Info() driver.Info { return driver.Info{Name: "ownstore", Local: true} }

// Load implements driver.Store.
func (s *Store) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	release, err := s.hold(ctx)
	if err != nil {
		return driver.Record{}, err
	}
	defer release()
	return s.live(id)
}

// Create implements driver.Store.
func (s *Store) Create(ctx context.Context, rec *driver.Record) error {
	release, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	switch _, err := s.live(rec.ID); {
	case err == nil, errors.Is(err, driver.ErrUnreadable), errors.Is(err, driver.ErrCorrupt):
		return errExists // nobody can say that it has expired
	case !errors.Is(err, driver.ErrNotFound):
		return err // an outage proves nothing
	}
	created := *rec
	created.Version = 1
	if err := s.write(&created); err != nil {
		return err
	}
	rec.Version = created.Version // not before: after an error, rec is as it was
	return nil
}

// Update implements driver.Store. The turn makes it one atomic step.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	release, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	kept, err := s.liveVersion(rec.ID, rec.Version)
	if err != nil {
		return err
	}
	if rec.Subject == "" { // for good: no later Update sets them again
		kept.Subject, kept.Labels = "", nil
	}
	kept.Used = later(kept.Used, rec.Used)
	if kept.Expires = later(kept.Expires, rec.Expires); rec.Exact {
		kept.Expires = rec.Expires
	}
	kept.Data = rec.Data
	kept.Version++
	if err := s.write(&kept); err != nil {
		return err
	}
	rec.Version = kept.Version
	return nil
}

// Touch implements driver.Store. It moves times forward and never back, and keeps the version.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	release, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	kept, err := s.liveVersion(id, version)
	if err != nil {
		return err
	}
	kept.Used, kept.Expires = later(kept.Used, used), later(kept.Expires, expires)
	return s.write(&kept)
}

// Delete implements driver.Store. It writes its line even if there is no record: a Create that failed may have left one,
// behind the lines that were acknowledged.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	release, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	if _, err := s.append(goneLine(id)); err != nil {
		return err
	}
	delete(s.at, id)
	return nil
}

// hold waits for this call's turn, and returns the function that ends it. It looks whether the file is still there, and
// still ours: otherwise "not found" would not be proved.
func (s *Store) hold(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil { // select would choose at random
		return nil, driver.Unavailable("ownstore", err)
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, driver.Unavailable("ownstore: wait for another call", ctx.Err())
	}
	release = func() { <-s.turn }
	info, err := os.Stat(s.path)
	if err == nil && !os.SameFile(info, s.info) {
		err = errTaken
	}
	if err != nil {
		release()
		return nil, driver.Unavailable("ownstore", err)
	}
	return release, nil
}

// live returns the record under id, unless it is absent or has expired. It is this call's turn.
func (s *Store) live(id driver.ID) (driver.Record, error) {
	rec, err := s.read(id)
	if err == nil && !rec.Live(s.now()) {
		err = errNotFound
	}
	if err != nil {
		return driver.Record{}, err
	}
	return rec, nil
}

// liveVersion is live for a caller that knows one version of the record.
func (s *Store) liveVersion(id driver.ID, version uint64) (driver.Record, error) {
	rec, err := s.live(id)
	if err == nil && rec.Version != version {
		err = errConflict
	}
	return rec, err
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
