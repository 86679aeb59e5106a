// Package filestore keeps sessions in a folder, one file for each session. It is for services on one machine whose
// sessions must survive a restart, and that run no server to store them. Several processes may share the folder.
//
//	store, err := filestore.New("./sessions", filestore.Config{})
//	m, err := core.New(core.Config{Store: store})
//
// The file format is described in format.go and area.go.
//
// # Expiry
//
// The deadline is stored in the file. The times of the file itself do not matter. Touch overwrites 24 bytes of the
// file in place, which hold Used and the deadline, and does not write the data. An expired record is absent for every
// method. Its file is removed when Sweep comes to it, so let core sweep.
//
// # Concurrency
//
// Load takes no lock. A write replaces a record by renaming a new file over it, so a reader gets the old file or the
// new one. With [SyncEnds], an Update writes to a second area of the file instead, and a Load that finds one area half
// written takes the lock and reads again. Writers hold the lock of one of 256 shards, which is a flock on the shard's folder, and compare versions
// under it. Writers in one process queue in order, and processes take turns. Waiting ends with the context. A system
// call that has begun is not interrupted.
//
// CreateLimited holds one of 256 more locks, by subject, around all that it does: it reads the user's sessions, creates
// one and removes the oldest. If the process is killed before the last step, the next CreateLimited does that.
//
// Without flock (Windows, Solaris) only one Store, in one process, may use a folder.
//
// # Abilities
//
// A Store is a [driver.Sweeper], a [driver.Lister], a [driver.Indexer], a [driver.Limiter], a [driver.Pinger], a
// [driver.Inspector], a [driver.Checker] and an [io.Closer]. It is no [driver.Counter]: it would have to read every file. It is no [driver.Successor]: two files
// cannot change in one step, and core's Create and Update leave an unused record at
// worst. It is no [driver.Reloader], because there is no cache.
//
// BySubject and ByLabel list one of 256 index folders, and read the records with that subject or label. The index
// costs one more fsync in a Create for the subject, and one for each label, unless [Config] has SyncEnds. If the index is lost, a full pass of Sweep
// rebuilds it.
//
// # Limits
//
// Data may have up to 64 MiB. Core's limit is far below. Up to 768 folders stay open, three for each shard, and each
// call that writes opens up to two files. A pass of Sweep reads the beginning of every file, which takes about 30 µs for each. All reads every
// file completely.
//
// The folder must be on a local file system. It must belong to the user of the process and have mode 0700. Who
// can read the folder can read the sessions, unless core has Keys.
//
// Foreign files in the folder are not touched. Neither are damaged records (Load answers ErrCorrupt; see [SyncEnds] for
// another choice) and records that a newer release wrote (ErrUnreadable). All, BySubject and ByLabel yield all other
// records first and then end with that error. Delete removes such a record.
//
// Links are not followed. A link, a FIFO, a socket, a device or a folder in the place of a record counts as a damaged
// record. Delete removes it too; a folder that is not empty is renamed. If something else is in the place of one of
// the store's own folders, the sessions of that folder are ErrUnavailable until somebody moves it away. All and Sweep
// go through the other folders first.
//
// # Durability
//
// By default Create, Update and Delete survive a power failure: the file and its folder are synced before they return.
// With [SyncEnds] (sync=ends in a URL) only the end of a session is synced; see there. Touch survives the end of the
// process, but a power failure may undo about the last half minute of touches. If a process is killed, every record is
// in its old or its new state. A temporary file may be left behind, which Sweep removes after an hour.
//
// The guide is docs/choosing-a-store.md.
package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	_ driver.Store   = (*Store)(nil)
	_ driver.Sweeper = (*Store)(nil)
	_ driver.Lister  = (*Store)(nil)
	_ driver.Indexer = (*Store)(nil)
	_ driver.Limiter = (*Store)(nil)
	_ driver.Pinger  = (*Store)(nil)
	_ io.Closer      = (*Store)(nil)

	_ driver.Inspector = (*Store)(nil)
	_ driver.Checker   = (*Store)(nil)
)

// Store is a driver.Store in a folder. New makes one. Its methods may be called concurrently.
type Store struct {
	root   *os.Root
	shards [shardCount]shard
	sweep  sweep
	now    func() time.Time
	sync   Sync
	chmod  bool // the umask, as it was in New, takes permissions from the owner; a later one can only take, not give
	log    *slog.Logger
}

// Config sets up a Store. The zero value is ready to use.
type Config struct {
	// Sync says which changes are on the disk before a call returns. All processes that share a folder must have the
	// same Sync. Default: SyncAll.
	Sync Sync

	// Logger gets a warning for each session that a power failure has damaged, if Sync is SyncEnds. Default:
	// slog.Default().
	Logger *slog.Logger

	// Now returns the current time, for tests. Default: time.Now.
	Now func() time.Time
}

// New opens the folder dir. If dir does not exist, New makes it with mode 0700. It returns an error in these cases:
//
//   - dir is empty, or is not a folder;
//   - other users can enter it, or it belongs to another user (not checked on Windows and Solaris);
//   - it cannot be written, or its file system has no locks.
//
// Close the Store after the last request.
func New(dir string, config Config) (*Store, error) {
	if config.Sync > SyncEnds {
		return nil, fmt.Errorf("filestore: Config.Sync is %d, must be SyncAll or SyncEnds", config.Sync)
	}
	s, err := open(dir, config.Sync)
	if err != nil {
		return nil, fmt.Errorf("filestore: cannot keep sessions in %q: %w", dir, err)
	}
	if config.Logger != nil {
		s.log = config.Logger
	}
	if config.Now != nil {
		s.now = config.Now
	}
	return s, nil
}

func open(dir string, sync Sync) (*Store, error) {
	if dir == "" {
		return nil, errors.New("the name is empty: name a folder")
	}
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{root: root, now: time.Now, sync: sync, log: slog.Default()}
	for i := range s.shards {
		s.shards[i].turn, s.shards[i].limit = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	s.sweep.turn = make(chan struct{}, 1)
	if err := s.prepare(); err != nil {
		root.Close()
		return nil, err
	}
	return s, nil
}

// Info implements driver.Backend. Other processes on the machine see the records, so the store is not local.
func (s *Store) Info() driver.Info { return driver.Info{Name: "filestore"} }

// Ping implements driver.Pinger. It writes a small temporary file and removes it, which fails if the disk is full, the
// folder is read-only or no file handle is left.
func (s *Store) Ping(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fail("ping", err)
	}
	_, err := s.probe()
	return fail("ping", err)
}

// Close closes the open folders and leaves the files. Later calls answer errors that match driver.ErrUnavailable and
// os.ErrClosed.
func (s *Store) Close() error {
	err := s.root.Close()
	for i := range s.shards {
		sh := &s.shards[i]
		if dir := sh.dir.Swap(nil); dir != nil {
			err = errors.Join(err, dir.Close())
		}
		select {
		case sh.turn <- struct{}{}:
			err = errors.Join(err, sh.closeFolders())
			<-sh.turn
		default: // a call still has them: the garbage collector closes them
		}
	}
	return err
}
