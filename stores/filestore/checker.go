package filestore

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Check implements driver.Checker. It reads the beginning of every record, with SyncEnds all of it, and then every folder of the index. What
// seems wrong is looked at again under the lock of its record, so a change under way is no problem. Something else in the
// place of a folder is an error at the end.
func (s *Store) Check(ctx context.Context, fix bool) iter.Seq2[driver.Problem, error] {
	return func(yield func(driver.Problem, error) bool) {
		c := checking{s: s, ctx: ctx, fix: fix, yield: yield}
		for i := range shardCount {
			if !c.records(byte(i)) {
				return
			}
		}
		for _, folder := range []string{subjectIndex, labelIndex} {
			for i := range shardCount {
				if !c.markers(folder, shardName(byte(i))) {
					return
				}
			}
		}
		if c.laterErr != nil {
			yield(driver.Problem{}, c.laterErr)
		}
	}
}

// checking is one walk of Check. Its methods report whether the walk goes on.
type checking struct {
	s        *Store
	ctx      context.Context
	fix      bool
	yield    func(driver.Problem, error) bool
	laterErr error
}

// failed ends the walk, unless something else is in the place of a folder.
func (c *checking) failed(err error) bool {
	if err = fail("check", err); notAFolder(err) {
		c.laterErr = err
		return true
	}
	c.yield(driver.Problem{}, err)
	return false
}

// records looks for records of a shard that lack a marker.
func (c *checking) records(shard byte) bool {
	ids, _, err := c.s.list(c.ctx, shard)
	if err != nil {
		return c.failed(err)
	}
	for _, id := range ids {
		lost, err := c.lost(id)
		if lost && !c.yield(driver.Problem{ID: id, What: "its file is damaged, as a power failure leaves it: the session is lost", Fixed: c.fix}, nil) {
			return false
		}
		if err != nil && !c.failed(err) {
			return false
		}
		missing, err := c.record(id)
		for _, e := range missing {
			if !c.yield(driver.Problem{ID: id, What: "the index by " + e.folder + " lacks it", Fixed: c.fix && err == nil}, nil) {
				return false
			}
		}
		if err != nil && !c.failed(err) {
			return false
		}
	}
	return true
}

// lost reports whether a session is lost, which only SyncEnds allows, and with fix removes its file. It reads the whole
// file.
func (c *checking) lost(id driver.ID) (bool, error) {
	if c.s.sync == SyncAll {
		return false, nil
	}
	if _, err := c.s.read(c.ctx, id); !c.s.tears(err) {
		return false, nil
	}
	l, err := c.s.lock(c.ctx, id[0])
	if err != nil {
		return false, err
	}
	defer l.unlock()
	_, _, err = c.s.readHeld(id)
	if !c.s.tears(err) {
		return false, nil
	}
	return !c.fix || c.s.drop(id, err), nil
}

func (c *checking) record(id driver.ID) (missing []entry, err error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	if missing, err = c.missing(id); len(missing) == 0 || err != nil {
		return nil, err
	}
	l, err := c.s.lock(c.ctx, id[0])
	if err != nil {
		return nil, err
	}
	defer l.unlock()
	if missing, err = c.missing(id); err != nil || !c.fix {
		return missing, err
	}
	if err := c.s.addMarkers(id, missing); err != nil {
		return missing, err
	}
	return missing, c.s.syncMarkers(missing)
}

func (c *checking) missing(id driver.ID) ([]entry, error) {
	h, err := c.s.peek(id)
	if err != nil || h.expired(c.s.now()) {
		return nil, ignoreGone(err)
	}
	return c.s.missingMarkers(&h), nil
}

// markers looks for markers in a folder of the index whose record is gone or has another name.
func (c *checking) markers(folder, shard string) bool {
	names, err := c.s.dirNames(c.ctx, folder+"/"+shard)
	if err != nil {
		return c.failed(err)
	}
	for _, name := range names {
		hash, rest, _ := strings.Cut(name, "-")
		id, err := driver.ParseID(rest)
		if err != nil || len(hash) != 30 { // a foreign file
			continue
		}
		stale, err := c.marker(id, folder+"/"+shard+"/"+name)
		if stale && !c.yield(driver.Problem{ID: id, What: "the index by " + folder + " has it, and there is no such record of that name", Fixed: c.fix && err == nil}, nil) {
			return false
		}
		if err != nil && !c.failed(err) {
			return false
		}
	}
	return true
}

func (c *checking) marker(id driver.ID, marker string) (stale bool, err error) {
	if err := c.ctx.Err(); err != nil {
		return false, err
	}
	if stale, err = c.stale(id, marker); !stale || err != nil {
		return false, err
	}
	l, err := c.s.lock(c.ctx, id[0])
	if err != nil {
		return false, err
	}
	defer l.unlock()
	// The marker itself may have gone with its record.
	if _, err := c.s.root.Lstat(marker); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if stale, err = c.stale(id, marker); stale && c.fix {
		err = c.s.root.Remove(marker)
	}
	return stale, err
}

func (c *checking) stale(id driver.ID, marker string) (bool, error) {
	h, err := c.s.peek(id)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist), ignoreGone(err)
	}
	for _, e := range h.entries() {
		if e.marker(id) == marker {
			return false, nil
		}
	}
	return true, nil
}
