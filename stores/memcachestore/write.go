package memcachestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// attempts bounds how often one call starts over because another request has changed the item.
const attempts = 16

var errContended = fmt.Errorf("other requests changed the item during each of %d attempts", attempts)

// Create implements driver.Store.
func (s *Store) Create(ctx context.Context, rec *driver.Record) error {
	sv, now := s.ring.pick(&rec.ID), time.Now()
	version := nextVersion(0, now)
	item, err := s.item(sv, rec, version, now)
	if err != nil {
		return err
	}
	if err := s.insert(ctx, sv, rec.ID, item); err != nil {
		return err
	}
	for _, of := range topics(rec) {
		if err := s.enlist(ctx, of, rec.ID, false); err != nil {
			s.withdraw(ctx, sv, rec.ID, nonceOf(item.Value))
			return err
		}
	}
	rec.Version = version
	return nil
}

// insert adds an item. The server may still hold an expired record, because its lifetime was rounded up. insert
// replaces such a record by cas.
func (s *Store) insert(ctx context.Context, sv *server, id driver.ID, item *memcache.Item) error {
	tried := false // the server may have stored the item already
	for range attempts {
		repeated, err := sv.do(ctx, "create", func(c *client) error { return c.Add(item) })
		if err != memcache.ErrNotStored {
			return err
		}
		tried = tried || repeated
		there, err := s.fetch(ctx, sv, "create", id)
		switch {
		case errors.Is(err, driver.ErrNotFound):
			continue
		case errors.Is(err, driver.ErrCorrupt), errors.Is(err, driver.ErrUnreadable):
			return errExists
		case err != nil:
			return err
		case tried && there.nonce == nonceOf(item.Value):
			return nil
		case there.rec.Live(time.Now()):
			return errExists
		}
		over := *item
		over.CasID = there.cas
		repeated, err = sv.do(ctx, "create", func(c *client) error { return c.CompareAndSwap(&over) })
		if err == nil || !answered(err) {
			return err
		}
		tried = tried || repeated
	}
	return unavailable("create", errContended)
}

// withdraw removes the record of a failed Create. It is best effort. When ctx ends, it goes on in the background and
// Create returns. It is a cas, not a delete, because meanwhile the caller may have retried and succeeded.
func (s *Store) withdraw(ctx context.Context, sv *server, id driver.ID, nonce uint64) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // a panic of Config.DialContext in this goroutine would end the process
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Timeout)
		defer cancel()
		l, err := s.fetch(ctx, sv, "create", id)
		if err != nil || l.nonce != nonce {
			return
		}
		over := &memcache.Item{Key: sv.key(&id), CasID: l.cas, Expiration: -1}
		_, _ = sv.do(ctx, "create", func(c *client) error { return c.CompareAndSwap(over) })
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	sv, now := s.ring.pick(&rec.ID), time.Now()
	version := nextVersion(rec.Version, now)
	before, err := s.swap(ctx, sv, "update", rec.ID, rec.Version, func(l *loaded) (*memcache.Item, error) {
		next := l.updated(rec)
		return s.item(sv, &next, version, now)
	})
	if err != nil {
		return err
	}
	rec.Version = version
	// A record whose deadline is brought forward is about to end, as after a Login: its lists are not worth a round
	// trip. An Update that moves Used stands for a Touch, so it heals the lists.
	ends := rec.Exact && rec.Expires.Before(before.rec.Expires)
	if rec.Subject != "" && rec.Used.After(before.rec.Used) && !ends {
		for _, of := range topics(&before.rec) {
			s.heal(ctx, of, rec.ID)
		}
	}
	return nil
}

// updated returns the record that an Update with rec makes from l. A record that has lost its Subject stays in the
// lists until they are tidied, and walks skip it.
func (l *loaded) updated(rec *driver.Record) driver.Record {
	next := *rec
	next.Created, next.Used = l.rec.Created, later(l.rec.Used, rec.Used)
	if !rec.Exact {
		next.Expires = later(l.rec.Expires, rec.Expires)
	}
	next.Subject, next.Labels = l.rec.Subject, l.rec.Labels
	if rec.Subject == "" {
		next.Subject, next.Labels = "", nil
	}
	return next
}

// later returns the later of two times. If they are equal to the microsecond, it returns stored.
func later(stored, given time.Time) time.Time {
	if given.UnixMicro() > stored.UnixMicro() {
		return given
	}
	return stored
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	sv := s.ring.pick(&id)
	before, err := s.swap(ctx, sv, "touch", id, version, func(l *loaded) (*memcache.Item, error) {
		next := l.rec
		next.Used, next.Expires = later(l.rec.Used, used), later(l.rec.Expires, expires)
		if next.Used.Equal(l.rec.Used) && next.Expires.Equal(l.rec.Expires) {
			return nil, nil
		}
		return s.item(sv, &next, version, time.Now())
	})
	if err != nil {
		return err
	}
	for _, of := range topics(&before.rec) {
		s.heal(ctx, of, id)
	}
	return nil
}

// Delete implements driver.Store.
func (s *Store) Delete(ctx context.Context, id driver.ID) error {
	sv := s.ring.pick(&id)
	key := sv.key(&id)
	_, err := sv.do(ctx, "delete", func(c *client) error { return c.Delete(key) })
	if err == memcache.ErrCacheMiss {
		return nil
	}
	return err
}

// item returns the item for a record. It checks the size first. The server would refuse it, too, but only after it has
// read all of the item.
func (s *Store) item(sv *server, rec *driver.Record, version uint64, now time.Time) (*memcache.Item, error) {
	const overhead = 128 // what the server adds to each item
	key := sv.key(&rec.ID)
	if overhead+len(key)+size(rec) > s.config.MaxItem {
		return nil, fmt.Errorf("memcachestore: %w: %d bytes of data do not fit into an item of %d bytes (Config.MaxItem)",
			driver.ErrTooLarge, len(rec.Data), s.config.MaxItem)
	}
	if tooLong(rec.Subject) || len(rec.Labels) > driver.MaxLabels || slices.ContainsFunc(rec.Labels, tooLong) {
		return nil, fmt.Errorf("memcachestore: %w: a subject over %d bytes, a label over %d bytes, or more than %d labels",
			driver.ErrTooLarge, driver.MaxSubject, driver.MaxSubject, driver.MaxLabels)
	}
	value := encode(rec, version, s.nonces.take())
	return &memcache.Item{Key: key, Value: value, Expiration: expiration(rec.Expires, now)}, nil
}

func tooLong(name string) bool { return len(name) > driver.MaxSubject }
