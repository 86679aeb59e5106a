package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"
	"time"
)

// shardCount folders share the records, by the first byte of the ID.
const shardCount = 256

// poll is how long a process sleeps between two attempts to get a lock that another process has. It is shorter than a
// write, which mostly waits for fsync.
const poll = 200 * time.Microsecond

type shard struct {
	turn chan struct{}           // has room for one writer of this Store; the others queue
	dir  atomic.Pointer[os.Root] // the shard's folder, for readers; nil until the first call opens it

	// What lock locks, open since the first one. They are nil until then, and belong to whoever has the turn.
	waitingRoom, folder *os.File
	root                *os.Root // opens files in folder
	folderInfo          fs.FileInfo

	limit chan struct{} // the same as turn, for CreateLimited of the subjects with this number
}

// locked is a shard to which nobody else writes.
type locked struct {
	shard *shard
	dir   *os.File
	root  *os.Root // the same folder
}

// lock waits for the lock of a shard, until ctx ends.
//
// Between processes there are two locks. The index folder of the same number is the waiting room: a process holds its
// lock while it waits for the shard. A busy process that has just released the shard and wants it again finds the
// waiting room taken, and cannot overtake the one that waits.
//
// Both folders stay open. If somebody removes or replaces the waiting room, processes may overtake each other, and no more.
func (s *Store) lock(ctx context.Context, n byte) (*locked, error) {
	sh := &s.shards[n]
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case sh.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.lockFolders(ctx, sh, shardName(n)); err != nil {
		<-sh.turn
		return nil, err
	}
	return &locked{shard: sh, dir: sh.folder, root: sh.root}, nil
}

func (l *locked) unlock() {
	unlock(l.dir)
	<-l.shard.turn
}

func (s *Store) lockFolders(ctx context.Context, sh *shard, name string) (err error) {
	if sh.waitingRoom == nil {
		if sh.waitingRoom, err = s.openDir(subjectIndex + "/" + name); err != nil {
			return err
		}
	}
	if err := waitLock(ctx, sh.waitingRoom); err != nil {
		return err
	}
	defer unlock(sh.waitingRoom)
	for {
		if sh.folder == nil {
			if err := s.openShard(sh, name); err != nil {
				return errors.Join(err, sh.closeFolders())
			}
		}
		if err := waitLock(ctx, sh.folder); err != nil {
			return err
		}
		// Somebody may have removed the folder, or moved it away: then others lock the one that is there now.
		info, err := s.root.Lstat(name)
		if err == nil && os.SameFile(info, sh.folderInfo) {
			if sh.dir.Load() != sh.root {
				sh.dir.Store(sh.root) // one folder less is open; the garbage collector closes the other
			}
			return nil
		}
		sh.folder.Close() // releases the lock
		sh.folder = nil
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// openShard opens what lockFolders locks, and looks later whether it is what has the name.
func (s *Store) openShard(sh *shard, name string) error {
	made, err := s.openDir(name)
	if err != nil {
		return err
	}
	made.Close()
	if sh.root, err = s.root.OpenRoot(name); err != nil {
		return err
	}
	if sh.folder, err = sh.root.Open("."); err != nil {
		return err
	}
	sh.folderInfo, err = sh.folder.Stat()
	return err
}

// closeFolders closes what lock has opened, for a caller that has the turn. A reader that uses root goes the whole way.
func (sh *shard) closeFolders() (err error) {
	if sh.root != nil {
		err = sh.root.Close()
		sh.root = nil
	}
	for _, f := range []**os.File{&sh.waitingRoom, &sh.folder} {
		if *f != nil {
			err = errors.Join(err, (*f).Close())
			*f = nil
		}
	}
	return err
}

// flock opens a folder and locks it. The lock ends when the file is closed, also if the process is killed.
func (s *Store) flock(ctx context.Context, name string) (*os.File, error) {
	dir, err := s.openDir(name)
	if err != nil {
		return nil, err
	}
	if err := waitLock(ctx, dir); err != nil {
		dir.Close()
		return nil, err
	}
	return dir, nil
}

func waitLock(ctx context.Context, dir *os.File) error {
	for {
		ok, err := tryLock(dir)
		if ok {
			return nil
		}
		if err == nil {
			err = sleep(ctx, poll)
		}
		if err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
