package filestore

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// tempAge is the age at which the writer of a temporary file must have been killed. A write takes milliseconds.
const tempAge = time.Hour

// sweep is the position from which the next Sweep continues.
type sweep struct {
	turn      chan struct{} // held by the Sweep that runs
	shard     int           // the next folder to list
	todo      []driver.ID   // the rest of the folder that was listed last
	folderErr error         // something else was in the place of a folder; reported at the end of the pass
}

// Sweep implements driver.Sweeper. It reads the head of each file without a lock. To remove a record, it takes the lock
// for that record and looks again. If a Sweep ends early, by limit, context or error, the next one continues from
// there. Something else in the place of a folder is an error at the end of the pass.
//
// Sweep also makes missing markers of the index, for subjects and for labels.
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

// sweepRecord removes an expired record. It leaves damaged records for an administrator, and records of a newer format
// for a newer release.
func (s *Store) sweepRecord(ctx context.Context, id driver.ID) (gone bool, err error) {
	if todo, err := s.sweepable(id); !todo {
		return false, err
	}
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return false, err
	}
	defer l.unlock()
	h, err := s.peekLocked(id)
	switch {
	case err != nil:
		return false, ignoreGone(err)
	case h.expired(s.now()):
		err = s.remove(l, id, h.entries())
		return err == nil, err
	}
	missing := s.missingMarkers(&h)
	if err := s.addMarkers(id, missing); err != nil {
		return false, err
	}
	if s.sync != SyncAll {
		return false, nil
	}
	return false, s.syncMarkers(missing)
}

// sweepable reports, without the lock, whether there is something to do for a record.
func (s *Store) sweepable(id driver.ID) (bool, error) {
	h, err := s.peek(id)
	if err != nil {
		return s.tears(err), ignoreGone(err)
	}
	return h.expired(s.now()) || len(s.missingMarkers(&h)) > 0, nil
}

// ignoreGone drops the errors that must not end a Sweep: the file is gone, or is not readable for this release.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || unreadable(err) {
		return nil
	}
	return err
}

// sweepTemps removes the temporary files that are older than tempAge.
func (s *Store) sweepTemps(names []string) {
	for _, name := range names {
		if info, err := s.root.Lstat(name); err == nil && s.now().Sub(info.ModTime()) > tempAge {
			s.root.Remove(name)
		}
	}
}
