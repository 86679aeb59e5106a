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

// The sessions of a subject are listed in an item under the subject's hash: see listvalue.go. Those
// with a label are listed likewise, under a prefix of their own. An ID is put
// there after its record was written, and the records decide: what is listed and
// dead, or has lost its subject, is passed over, and taken out.
//
// The server may throw a list out and keep the records. So a walk that finds no list says that it may not be whole, and
// a list that is empty is kept. Where a session that is used is not in its list, or that is damaged, others may
// be missing, too: the list that is written then says so for as long as one of them may live.

// topic is what a list is of: a subject, or a label.
type topic struct {
	text  string
	label bool
}

// topics are those whose lists rec belongs to.
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

// what names the walk in errors.
func (t topic) what() string {
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

// listLife is more than any session of package core lives.
const listLife = 401 * 24 * time.Hour

const (
	tidyEvery = 64 // IDs; a list that grows is tidied so often
	batch     = 64 // records in one exchange
)

// list is a topic's list as the server has it.
type list struct {
	of   topic
	sv   *server
	item *memcache.Item
	listValue
	err error // of decodeList
}

// absent reports that the server has no list.
func (l *list) absent() bool { return l.item.CasID == 0 }

// whole is nil if the list has all sessions.
func (l *list) whole() error {
	if l.err == nil && (l.absent() || time.Now().Before(l.lost.Add(listLife))) {
		return errIncomplete
	}
	return l.err
}

var (
	errNoList     = driver.Corrupt("memcachestore: the item is no list of sessions")
	errNewerList  = driver.Unreadable("memcachestore: a list of a newer format")
	errIncomplete = fmt.Errorf("memcachestore: %w: the server has none, or had thrown it out", driver.ErrIncomplete)
)

func (s *Store) list(ctx context.Context, of topic) (*list, error) {
	hash := driver.ID(sha256.Sum256([]byte(of.text)))
	l := &list{of: of, sv: s.ring.pick(&hash)}
	key := l.sv.keyAfter(of.prefix(l.sv), &hash)
	item, err := l.sv.get(ctx, of.what(), key)
	if err == memcache.ErrCacheMiss {
		l.item = &memcache.Item{Key: key}
		return l, nil
	}
	if err != nil {
		return nil, err
	}
	l.item = item
	l.listValue, l.err = decodeList(item.Value)
	// An ID that was appended may be there twice.
	slices.SortFunc(l.ids, func(a, b driver.ID) int { return bytes.Compare(a[:], b[:]) })
	l.ids = slices.Compact(l.ids)
	return l, nil
}

// write replaces the list as it was read, and lets it live for listLife from now. Its errors are
// those of the client.
func (l *list) write(ctx context.Context, ids []driver.ID) error {
	item := *l.item
	item.Value = listValue{ids, l.lost}.encode()
	now := time.Now()
	item.Expiration = expiration(now.Add(listLife), now)
	_, err := l.sv.do(ctx, l.of.what(), func(c *client) error {
		if l.absent() {
			return c.Add(&item)
		}
		return c.CompareAndSwap(&item)
	})
	return err
}

// append puts id into the list that is there now, however it has changed since it was read. It
// does not prolong the list's life. ErrNotStored: there is no list.
func (l *list) append(ctx context.Context, id driver.ID) error {
	item := &memcache.Item{Key: l.item.Key, Value: appendEntry(nil, &id)}
	_, err := l.sv.do(ctx, l.of.what(), func(c *client) error { return c.Append(item) })
	return err
}

// enlist puts id into a list. It writes even if the ID is there, so that
// who is about to take it out, because of what the record was before, does not. missed: the ID should have been there.
func (s *Store) enlist(ctx context.Context, of topic, id driver.ID, missed bool) error {
	for range attempts {
		l, err := s.list(ctx, of)
		switch {
		case err != nil:
			return err
		case l.err == errNewerList: // nothing but a newer release adds to it
			return unavailable(of.what(), errors.New(l.err.Error()))
		case missed && !slices.Contains(l.ids, id), l.err != nil: // what is damaged is made anew
			l.lost = time.Now()
		}
		ids := slices.DeleteFunc(slices.Clone(l.ids), func(other driver.ID) bool { return other == id })
		if n := len(ids); n >= tidyEvery && n%tidyEvery == 0 {
			if ids, err = s.tidied(ctx, ids, of); err != nil {
				return err
			}
		}
		err = l.write(ctx, append(ids, id))
		if err == nil || !answered(err) {
			return err
		}
		// Somebody else has just written the list, and so it lives long enough. Of many who write
		// at once, only one would get through each time.
		if missed {
			continue
		}
		if err = l.append(ctx, id); err != memcache.ErrNotStored {
			return err
		}
	}
	return unavailable(of.what(), errBusyItem)
}

// heal puts id back into a list that the server has thrown out. It does its best: what
// it is called for has been done.
func (s *Store) heal(ctx context.Context, of topic, id driver.ID) {
	l, err := s.list(ctx, of)
	if err != nil || slices.Contains(l.ids, id) {
		return
	}
	// Unless it was ended meanwhile, and a walk has taken it out.
	now, err := s.fetch(ctx, s.ring.pick(&id), of.what(), id)
	if err == nil && now.liveness() == nil && of.has(&now.rec) {
		_ = s.enlist(ctx, of, id, true)
	}
}

// tidied returns the IDs whose records belong to the list, or may do so, since they are of a newer format.
func (s *Store) tidied(ctx context.Context, ids []driver.ID, of topic) (alive []driver.ID, err error) {
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

// walk yields the live records that belong to a list, and takes all others out of it, but for those of a
// newer format: the error comes after all records, and so does the one that the list may not be whole.
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
		left := l.whole()
		for rec, err := range s.records(ctx, of, l.ids) {
			if errors.Is(err, driver.ErrUnreadable) {
				alive, left = append(alive, rec.ID), errors.Join(err, l.whole())
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
			_ = l.write(ctx, alive) // somebody else's change wins, and that is as well
		}
		if left != nil {
			yield(driver.Record{}, left)
		}
	}
}

// records yields the live records under ids, in batches for each server. One that cannot be read comes as
// its ID with the error, and hides no other.
func (s *Store) records(ctx context.Context, of topic, ids []driver.ID) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		parts := map[*server][]driver.ID{}
		for _, id := range ids {
			sv := s.ring.pick(&id)
			parts[sv] = append(parts[sv], id)
		}
		for sv, part := range parts {
			for some := range slices.Chunk(part, batch) {
				if !s.batch(ctx, sv, of, some, yield) {
					return
				}
			}
		}
	}
}

func (s *Store) batch(ctx context.Context, sv *server, of topic, ids []driver.ID, yield func(driver.Record, error) bool) bool {
	keys := make([]string, len(ids))
	for i := range ids {
		keys[i] = sv.key(&ids[i])
	}
	var items map[string]*memcache.Item
	_, err := sv.do(ctx, of.what(), func(c *client) (err error) {
		items, err = c.GetMulti(keys)
		return err
	})
	for key := range items {
		if err == nil && !slices.Contains(keys, key) {
			err = unavailable(of.what(), errMixed) // and then what is missing was not answered
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
