package memcachestore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The sessions of a subject are listed in an item under the subject's hash: see listvalue.go. Sessions with a label are
// listed in the same way, under another prefix. An ID is added after its record was written. The records decide: a walk
// skips an ID whose record is dead or has lost its subject, and removes it from the list.
//
// The server may evict a list and keep the records. So a walk that finds no list says that it may be incomplete, and an
// empty list is not deleted. If a used session is missing from its list, or the list is damaged, other sessions may be
// missing, too. The list that is then written says so for as long as one of them may live.

// topic is what a list is about: a subject or a label.
type topic struct {
	text  string
	label bool
}

// topics returns the topics whose lists rec belongs to.
func topics(rec *driver.Record) (all []topic) {
	if rec.Subject != "" {
		all = append(all, topic{text: rec.Subject})
	}
	for _, label := range rec.Labels {
		all = append(all, topic{text: label, label: true})
	}
	return all
}

func (t topic) has(rec *driver.Record) bool {
	if t.label {
		return slices.Contains(rec.Labels, t.text)
	}
	return rec.Subject == t.text
}

// op names the walk in errors.
func (t topic) op() string {
	if t.label {
		return "list by label"
	}
	return "list by subject"
}

func (t topic) prefix(sv *server) string {
	if t.label {
		return sv.labels
	}
	return sv.subjects
}

// listLife is longer than any session of package core lives.
const listLife = 401 * 24 * time.Hour

const (
	tidyEvery = 64 // a list that has grown by so many IDs is tidied
	batchSize = 64 // records in one exchange
)

// list is a topic's list as it was read from the server.
type list struct {
	of   topic
	sv   *server
	item *memcache.Item
	listValue
	err error // from decodeList
}

// absent reports whether the server has no list.
func (l *list) absent() bool { return l.item.CasID == 0 }

// incomplete returns an error if the list may lack sessions, and nil if it has all.
func (l *list) incomplete() error {
	if l.err == nil && (l.absent() || time.Now().Before(l.lacking.Add(listLife))) {
		return errIncomplete
	}
	return l.err
}

var (
	errNoList     = driver.Corrupt("memcachestore: the item is no list of sessions")
	errNewerList  = driver.Unreadable("memcachestore: a list of a newer format")
	errIncomplete = fmt.Errorf("memcachestore: %w: memcached has no such list, or has evicted it", driver.ErrIncomplete)
)

func (s *Store) list(ctx context.Context, of topic) (*list, error) {
	hash := driver.ID(sha256.Sum256([]byte(of.text)))
	l := &list{of: of, sv: s.ring.pick(&hash)}
	key := l.sv.keyAfter(of.prefix(l.sv), &hash)
	item, err := l.sv.get(ctx, of.op(), key)
	if err == memcache.ErrCacheMiss {
		l.item = &memcache.Item{Key: key}
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	l.item = item
	l.listValue, l.err = decodeList(item.Value)
	// Appending may have added an ID a second time.
	slices.SortFunc(l.ids, func(a, b driver.ID) int { return bytes.Compare(a[:], b[:]) })
	l.ids = slices.Compact(l.ids)
	return l, nil
}

// write replaces the list if nobody has changed it since it was read. The list then lives for listLife from now. Errors
// are the client's.
func (l *list) write(ctx context.Context, ids []driver.ID) error {
	item := *l.item
	item.Value = listValue{ids, l.lacking}.encode()
	now := time.Now()
	item.Expiration = expiration(now.Add(listLife), now)
	_, err := l.sv.do(ctx, l.of.op(), func(c *client) error {
		if l.absent() {
			return c.Add(&item)
		}
		return c.CompareAndSwap(&item)
	})
	return err
}

// append adds id to the list as it is now, even if it has changed since it was read. It does not prolong the list's
// life. memcache.ErrNotStored: there is no list.
func (l *list) append(ctx context.Context, id driver.ID) error {
	item := &memcache.Item{Key: l.item.Key, Value: appendEntry(nil, &id)}
	_, err := l.sv.do(ctx, l.of.op(), func(c *client) error { return c.Append(item) })
	return err
}

// enlist adds id to a list. It writes the list even if the ID is there: then another request that is about to remove
// the ID, because of an older state of the record, fails to write. missing says that the ID should have been there.
func (s *Store) enlist(ctx context.Context, of topic, id driver.ID, missing bool) error {
	for range attempts {
		l, err := s.list(ctx, of)
		switch {
		case err != nil:
			return err
		case l.err == errNewerList: // only a newer release may add to it
			return unavailable(of.op(), errors.New(l.err.Error()))
		case missing && !slices.Contains(l.ids, id), l.err != nil: // a damaged list is replaced
			l.lacking = time.Now()
		}
		ids := slices.DeleteFunc(slices.Clone(l.ids), func(other driver.ID) bool { return other == id })
		if n := len(ids); n >= tidyEvery && n%tidyEvery == 0 {
			if ids, err = s.withoutDead(ctx, ids, of); err != nil {
				return err
			}
		}
		err = l.write(ctx, append(ids, id))
		if err == nil || !answered(err) {
			return err
		}
		// Another request has just written the list, so it lives long enough. Append, because of many
		// requests that replace the list at once, only one would succeed at a time.
		if missing {
			continue
		}
		if err = l.append(ctx, id); err != memcache.ErrNotStored {
			return err
		}
	}
	return unavailable(of.op(), errContended)
}

// heal puts id back into a list that the server has evicted. It is best effort and returns no error, because the
// caller's write has already succeeded.
func (s *Store) heal(ctx context.Context, of topic, id driver.ID) {
	l, err := s.list(ctx, of)
	if err != nil || slices.Contains(l.ids, id) {
		return
	}
	// The record may have ended meanwhile, and a walk may have removed it from the list.
	now, err := s.fetch(ctx, s.ring.pick(&id), of.op(), id)
	if err == nil && now.liveness() == nil && of.has(&now.rec) {
		_ = s.enlist(ctx, of, id, true)
	}
}

// withoutDead returns the IDs whose records belong to the list. It keeps those of a newer format, because they may
// belong to it.
func (s *Store) withoutDead(ctx context.Context, ids []driver.ID, of topic) (alive []driver.ID, err error) {
	for rec, err := range s.records(ctx, of, ids) {
		switch {
		case errors.Is(err, driver.ErrUnreadable), err == nil && of.has(&rec):
			alive = append(alive, rec.ID)
		case err != nil && !errors.Is(err, driver.ErrCorrupt):
			return nil, err
		}
	}
	return alive, nil
}

// BySubject implements driver.Indexer.
func (s *Store) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, topic{text: subject})
}

// ByLabel implements driver.Indexer.
func (s *Store) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return s.walk(ctx, topic{text: label, label: true})
}

// walk yields the live records that belong to a list, and removes all other IDs from it. It keeps the IDs of records in
// a newer format. After all records it yields an error if there were such records or the list may be incomplete.
func (s *Store) walk(ctx context.Context, of topic) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		if of.text == "" {
			return
		}
		l, err := s.list(ctx, of)
		if err == nil {
			err = l.err
		}
		if err != nil {
			yield(driver.Record{}, err)
			return
		}
		var alive []driver.ID
		finalErr := l.incomplete()
		for rec, err := range s.records(ctx, of, l.ids) {
			if errors.Is(err, driver.ErrUnreadable) {
				alive, finalErr = append(alive, rec.ID), errors.Join(err, l.incomplete())
				continue
			}
			if errors.Is(err, driver.ErrCorrupt) || err == nil && !of.has(&rec) {
				continue
			}
			if !yield(rec, err) || err != nil {
				return
			}
			alive = append(alive, rec.ID)
		}
		if len(alive) < len(l.ids) {
			_ = l.write(ctx, alive) // if another request changed the list meanwhile, a later walk tidies it
		}
		if finalErr != nil {
			yield(driver.Record{}, finalErr)
		}
	}
}

// records yields the live records under ids, in batches for each server. For a record that cannot be read it yields the
// ID and the error, and goes on.
func (s *Store) records(ctx context.Context, of topic, ids []driver.ID) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		parts := map[*server][]driver.ID{}
		for _, id := range ids {
			sv := s.ring.pick(&id)
			parts[sv] = append(parts[sv], id)
		}
		for sv, part := range parts {
			for chunk := range slices.Chunk(part, batchSize) {
				if !s.batch(ctx, sv, of, chunk, yield) {
					return
				}
			}
		}
	}
}

func (s *Store) batch(
	ctx context.Context, sv *server, of topic, ids []driver.ID, yield func(driver.Record, error) bool,
) bool {
	keys := make([]string, len(ids))
	for i := range ids {
		keys[i] = sv.key(&ids[i])
	}
	var items map[string]*memcache.Item
	_, err := sv.do(ctx, of.op(), func(c *client) (err error) {
		items, err = c.GetMulti(keys)
		return err
	})
	for key := range items {
		if err == nil && !slices.Contains(keys, key) {
			err = unavailable(of.op(), errOtherKey) // so a missing key was not answered either
		}
	}
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
		rec := driver.Record{ID: id}
		if err == nil {
			rec = l.rec
		}
		if !yield(rec, err) {
			return false
		}
	}
	return true
}
