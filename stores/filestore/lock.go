package filestore

import (
	"context"
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
	dir  atomic.Pointer[os.Root] // the shard's folder; nil until the first Load opens it

	limit chan struct{} // the same as turn, for CreateLimited of the subjects with this number
}

// locked is a shard to which nobody else writes.
type locked struct {
	shard *shard
	dir   *os.File
}

// lock waits for the lock of a shard, until ctx ends.
//
// Between processes there are two locks. The index folder of the same number is the waiting room: a process holds its
// lock while it waits for the shard. A busy process that has just released the shard and wants it again finds the
// waiting room taken, and cannot overtake the one that waits.
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
	l := &locked{shard: sh}
	waitingRoom, err := s.flock(ctx, subjectIndex+"/"+shardName(n))
	if err == nil {
		l.dir, err = s.flock(ctx, shardName(n))
		waitingRoom.Close()
	}
	if err != nil {
		<-sh.turn
		return nil, err
	}
	return l, nil
}

func (l *locked) unlock() {
	l.dir.Close() // releases the lock
	<-l.shard.turn
}

// flock opens a folder and locks it. The lock ends when the file is closed, also if the process is killed.
func (s *Store) flock(ctx context.Context, name string) (*os.File, error) {
	dir, err := s.openDir(name)
	if err != nil {
		return nil, err
	}
	for {
		ok, err := tryLock(dir)
		if ok {
			return dir, nil
		}
		if err == nil {
			err = sleep(ctx, poll)
		}
		if err != nil {
			dir.Close()
			return nil, err
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
