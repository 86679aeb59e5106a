// Package filestore keeps sessions in a folder, one file each. It is for
// services on one machine that want their sessions to survive a restart without
// running a server for them; several processes may share the folder.
//
//	store, err := filestore.New("./sessions", filestore.Config{})
//
// Read next: package core, which takes the store in its Config, and format.go,
// which describes the file.
//
// # Expiry
//
// The deadline is in the file, never in its times. Touch overwrites 24 bytes of the
// file in place, for Used and the deadline, and leaves the data alone. An expired record
// is absent for every method; its file goes when Sweep comes by, so let core sweep.
//
// # Concurrency
//
// Load takes no lock: a record is replaced by renaming, so a reader has the
// old file or the new one. Writers hold the lock of one of 256 shards (flock on the
// shard's folder), inside which versions are compared; those of one process
// queue in order and processes take turns. Waiting ends with the context, but a
// call that the kernel is working on is not interrupted.
// Without flock (Windows, Solaris) only one Store may use a folder, in one process.
//
// # Capabilities
//
// Sweeper, Lister, Indexer, Pinger and io.Closer. Not Successor: two files cannot
// change in one step, and core's Create and Update leave at worst an unused record.
// Not Reloader: there is no cache. BySubject and ByLabel list one of 256 index folders and
// read the records that they look for; the price is one more fsync in a Create for the
// subject, and one for each label. Should the index be lost, a full Sweep rebuilds it.
//
// # Limits
//
// Data of up to 64 MiB; core's limit is far below. Up to 256 folders stay open, and
// three files for each writing call. A pass of Sweep reads the head of every
// file, which is some 30 µs each, and All reads all of it.
//
// The folder must be on a local file system and belong to the process's user with
// mode 0700, since whoever reads it reads the sessions, unless core has Keys.
//
// Foreign files in it are left alone, and so are damaged records and those that a newer
// release wrote: Load answers ErrCorrupt and ErrUnreadable, and All, BySubject and ByLabel
// end in it after having gone through all others. Delete removes them. Links are not
// followed. A link, a FIFO, a socket, a device or a folder in the place of a record is a
// damaged record; Delete gives a folder with something in it another name. In the place of
// one of the store's folders it is ErrUnavailable for the sessions there until somebody
// moves it away; All and Sweep go through the other folders first.
//
// # Durability
//
// Create, Update and Delete survive a loss of power: the file and its folder
// are synced before they return. Touch survives the end of the process, but a loss
// of power may take back the last half minute or so of touches. A process
// that is killed leaves every record old or new, and perhaps a temporary
// file, which Sweep removes after an hour.
package filestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	_ driver.Store   = (*Store)(nil)
	_ driver.Sweeper = (*Store)(nil)
	_ driver.Lister  = (*Store)(nil)
	_ driver.Indexer = (*Store)(nil)
	_ driver.Pinger  = (*Store)(nil)
)

// Store is a folder of sessions. Its methods may be called concurrently.
type Store struct {
	root   *os.Root
	shards [shardCount]shard
	sweep  sweep
	now    func() time.Time
}

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Now is the clock, for tests. Default: time.Now.
	Now func() time.Time
}

// New opens the folder dir, and makes it with mode 0700 if it does not exist. It
// refuses a folder that other users could read, that belongs to another user, or that
// it cannot write to.
func New(dir string, config Config) (*Store, error) {
	s, err := open(dir)
	if err != nil {
		return nil, fmt.Errorf("filestore: cannot keep sessions in %q: %w", dir, err)
	}
	if config.Now != nil {
		s.now = config.Now
	}
	return s, nil
}

func open(dir string) (*Store, error) {
	if dir == "" {
		return nil, errors.New("name a folder")
	}
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{root: root, now: time.Now}
	for i := range s.shards {
		s.shards[i].turn = make(chan struct{}, 1)
	}
	s.sweep.turn = make(chan struct{}, 1)
	if err := s.prepare(); err != nil {
		root.Close()
		return nil, err
	}
	return s, nil
}

// Info implements driver.Backend.
func (s *Store) Info() driver.Info { return driver.Info{Name: "filestore"} }

// Ping writes a small temporary file and removes it. A full disk, a read-only
// folder and a lack of file handles show up here.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fail("ping", err)
	}
	return fail("ping", s.probe())
}

// Close releases the folder. Later calls answer ErrUnavailable and os.ErrClosed.
func (s *Store) Close() error {
	err := s.root.Close()
	for i := range s.shards {
		if dir := s.shards[i].dir.Swap(nil); dir != nil {
			err = errors.Join(err, dir.Close())
		}
	}
	return err
}
