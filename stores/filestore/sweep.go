package filestore

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// tempAge is when a temporary file is taken for one whose writer was killed. A
// write takes milliseconds.
const tempAge = time.Hour

// sweep is where the next Sweep goes on.
type sweep struct {
	turn      chan struct{} // held by the Sweep that runs
	shard     int           // the next folder to list
	todo      []driver.ID   // what is left of the last one
	folderErr error         // something is in the place of a folder that was to be listed
}

// Sweep implements driver.Sweeper. It reads the head of each file without a
// lock, and takes the lock for one record at a time, to look again and remove it. When
// it ends early, by limit, context or error, the next one goes on from there. Something in the place of a folder
// is an error after all the others.
// It also rebuilds markers of the index that are missing, of subjects and of labels.
func (s *Store) Sweep(ctx context.Context, limit int) (removed int, err error) {
	w := &s.sweep
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return 0, fail("sweep", ctx.Err())
	}
	for removed < limit {
		if err := ctx.Err(); err != nil {
			return removed, fail("sweep", err)
		}
		if len(w.todo) > 0 {
			id := w.todo[0]
			w.todo = w.todo[1:]
			gone, err := s.sweepRecord(ctx, id)
			if gone {
				removed++
			}
			if err != nil {
				return removed, fail("sweep", err)
			}
			continue
		}
		if w.shard == shardCount {
			err := w.folderErr
			w.shard, w.folderErr = 0, nil
			return removed, fail("sweep", err)
		}
		ids, temps, err := s.list(ctx, byte(w.shard))
		if notAFolder(err) {
			w.folderErr = err
		} else if err != nil {
			return removed, fail("sweep", err)
		}
		w.todo = ids
		w.shard++
		s.sweepTemps(temps)
	}
	return removed, nil
}

// sweepRecord removes an expired record. Damaged ones stay for someone to look at, and those of a
// newer format for a newer release.
func (s *Store) sweepRecord(ctx context.Context, id driver.ID) (gone bool, err error) {
	if todo, err := s.sweepable(id); !todo {
		return false, err
	}
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return false, err
	}
	defer l.unlock()
	h, err := s.peek(id)
	switch {
	case err != nil:
		return false, ignoreGone(err)
	case h.expired(s.now()):
		err = s.remove(id, h.entries())
		return err == nil, err
	}
	missing := s.missingMarkers(&h)
	if err := s.addMarkers(id, missing); err != nil {
		return false, err
	}
	return false, s.syncMarkers(missing)
}

// sweepable says, without the lock, whether there is anything to do for a record.
func (s *Store) sweepable(id driver.ID) (bool, error) {
	h, err := s.peek(id)
	if err != nil {
		return false, ignoreGone(err)
	}
	return h.expired(s.now()) || len(s.missingMarkers(&h)) > 0, nil
}

// ignoreGone drops the errors that are no reason to end a Sweep.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || unreadable(err) {
		return nil
	}
	return err
}

func (s *Store) sweepTemps(names []string) {
	for _, name := range names {
		if info, err := s.root.Lstat(name); err == nil && s.now().Sub(info.ModTime()) > tempAge {
			s.root.Remove(name)
		}
	}
}
