package filestore

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// All implements driver.Lister. A file that is damaged or has a newer format does not stop it, and neither does
// something else in the place of a folder. The error comes after all other records.
func (s *Store) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	ids := func(yield func(driver.ID, error) bool) {
		for i := range shardCount {
			ids, _, err := s.list(ctx, byte(i))
			if err != nil && (!yield(driver.ID{}, err) || !notAFolder(err)) {
				return
			}
			for _, id := range ids {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
	return s.walk(ctx, ids, func(_ driver.ID, rec *driver.Record) bool { return rec != nil })
}

// walk yields the live records for which keep returns true. keep gets nil for a record that does not exist.
func (s *Store) walk(ctx context.Context, ids iter.Seq2[driver.ID, error], keep func(driver.ID, *driver.Record) bool) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var laterErr error
		for id, err := range ids {
			var rec driver.Record
			if err == nil {
				err = ctx.Err()
			}
			if err == nil {
				rec, err = s.read(ctx, id)
			}
			switch {
			case err == nil:
				if keep(id, &rec) && !yield(rec, nil) {
					return
				}
			case errors.Is(err, driver.ErrNotFound), s.tears(err):
				keep(id, nil)
			case unreadable(err), notAFolder(err):
				laterErr = fail("list", err)
			default:
				yield(driver.Record{}, fail("list", err))
				return
			}
		}
		if laterErr != nil {
			yield(driver.Record{}, laterErr)
		}
	}
}

// list returns the names in one shard's folder, of live and expired records. It takes the lock, because on some file
// systems a name that is being renamed shows up twice or not at all. With a million sessions it holds the lock for a
// millisecond.
func (s *Store) list(ctx context.Context, shard byte) (ids []driver.ID, temps []string, err error) {
	if err := s.isFolder(shardName(shard)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ctx.Err()
	}
	l, err := s.lock(ctx, shard)
	if err != nil {
		return nil, nil, err
	}
	defer l.unlock()
	prefix := shardName(shard)
	dir, err := s.openFolder(prefix) // another one than l.dir, which can be read only once
	if err != nil {
		return nil, nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if id, err := driver.ParseID(prefix + e.Name()); err == nil {
			ids = append(ids, id) // also if it is not a file
		} else if strings.HasPrefix(e.Name(), tempPrefix) && e.Type().IsRegular() {
			temps = append(temps, prefix+"/"+e.Name())
		}
	}
	return ids, temps, nil
}
