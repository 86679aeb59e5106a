package memcachestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The sessions of a subject are listed in an item under the subject's hash: their IDs, 32
// bytes each. An ID is put there after its record was written, and the records decide: what
// is listed and dead, or somebody else's by now, is passed over, and taken out.

// listLife is more than any session of package core lives.
const listLife = 401 * 24 * time.Hour

const (
	idSize    = len(driver.ID{})
	tidyEvery = 64 // IDs; a list that grows is tidied so often
	batch     = 64 // records in one exchange
)

// list is a subject's list as the server has it.
type list struct {
	sv   *server
	item *memcache.Item // nil: there is none
	ids  []driver.ID
}

func (s *Store) list(ctx context.Context, what, subject string) (*list, error) {
	hash := driver.ID(sha256.Sum256([]byte(subject)))
	l := &list{sv: s.ring.pick(&hash)}
	key := l.sv.keyAfter(l.sv.index, &hash)
	_, err := l.sv.do(ctx, what, func(c *client) (err error) {
		l.item, err = c.Get(key)
		return err
	})
	if err == memcache.ErrCacheMiss {
		l.item = &memcache.Item{Key: key}
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	if len(l.item.Value)%idSize == 0 {
		for id := range slices.Chunk(l.item.Value, idSize) {
			l.ids = append(l.ids, driver.ID(id))
		}
	}
	return l, nil
}

// write replaces the list as it was read. Its errors are those of the client.
func (l *list) write(ctx context.Context, what string, ids []driver.ID) error {
	item := *l.item
	item.Value = make([]byte, 0, len(ids)*idSize)
	for _, id := range ids {
		item.Value = append(item.Value, id[:]...)
	}
	now := time.Now()
	item.Expiration = expiration(now.Add(listLife), now)
	if len(ids) == 0 {
		item.Expiration = -1
	}
	_, err := l.sv.do(ctx, what, func(c *client) error {
		if item.CasID == 0 {
			return c.Add(&item)
		}
		return c.CompareAndSwap(&item)
	})
	return err
}

// enlist puts id into the subject's list. It writes even if the ID is there, so that
// who is about to take it out, because of what the record was before, does not.
func (s *Store) enlist(ctx context.Context, subject string, id driver.ID) error {
	for range attempts {
		l, err := s.list(ctx, "list by subject", subject)
		if err != nil {
			return err
		}
		ids := slices.DeleteFunc(slices.Clone(l.ids), func(other driver.ID) bool { return other == id })
		if n := len(ids); n >= tidyEvery && n%tidyEvery == 0 {
			if ids, err = s.tidied(ctx, ids, subject); err != nil {
				return err
			}
		}
		err = l.write(ctx, "list by subject", append(ids, id))
		if err == nil || !answered(err) {
			return err
		}
	}
	return unavailable("list by subject", errBusyItem)
}

// heal puts id back into a list that the server has thrown out. It does its best: what
// it is called for has been done.
func (s *Store) heal(ctx context.Context, subject string, id driver.ID) {
	l, err := s.list(ctx, "list by subject", subject)
	if err == nil && !slices.Contains(l.ids, id) {
		_ = s.enlist(ctx, subject, id)
	}
}

// tidied returns the IDs whose records are the subject's.
func (s *Store) tidied(ctx context.Context, ids []driver.ID, subject string) (alive []driver.ID, err error) {
	for rec, err := range s.records(ctx, ids) {
		switch {
		case err != nil && !errors.Is(err, driver.ErrCorrupt):
			return nil, err
		case err == nil && rec.Subject == subject:
			alive = append(alive, rec.ID)
		}
	}
	return alive, nil
}

// BySubject implements driver.Indexer.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		if subject == "" {
			return
		}
		l, err := s.list(ctx, "list by subject", subject)
		if err != nil {
			yield(driver.Record{}, err)
			return
		}
		slices.SortFunc(l.ids, func(a, b driver.ID) int { return bytes.Compare(a[:], b[:]) })
		l.ids = slices.Compact(l.ids)
		var alive []driver.ID
		for rec, err := range s.records(ctx, l.ids) {
			if errors.Is(err, driver.ErrCorrupt) || err == nil && rec.Subject != subject {
				continue
			}
			if !yield(rec, err) || err != nil {
				return
			}
			alive = append(alive, rec.ID)
		}
		if len(alive) < len(l.ids) {
			_ = l.write(ctx, "list by subject", alive) // somebody else's change wins, and that is as well
		}
	}
}

// records yields the live records under ids, in batches for each server.
func (s *Store) records(ctx context.Context, ids []driver.ID) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		parts := map[*server][]driver.ID{}
		for _, id := range ids {
			sv := s.ring.pick(&id)
			parts[sv] = append(parts[sv], id)
		}
		for sv, part := range parts {
			for some := range slices.Chunk(part, batch) {
				if !s.batch(ctx, sv, some, yield) {
					return
				}
			}
		}
	}
}

func (s *Store) batch(ctx context.Context, sv *server, ids []driver.ID, yield func(driver.Record, error) bool) bool {
	keys := make([]string, len(ids))
	for i := range ids {
		keys[i] = sv.key(&ids[i])
	}
	var items map[string]*memcache.Item
	_, err := sv.do(ctx, "list by subject", func(c *client) (err error) {
		items, err = c.GetMulti(keys)
		return err
	})
	if err != nil {
		yield(driver.Record{}, err)
		return false
	}
	for i, id := range ids {
		item := items[keys[i]]
		if item == nil {
			continue
		}
		l, err := load(id, item)
		if err == nil && l.liveness() != nil {
			continue
		}
		if err != nil {
			return yield(driver.Record{}, err)
		}
		if !yield(l.rec, nil) {
			return false
		}
	}
	return true
}
