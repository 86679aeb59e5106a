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

// attempts bounds how often one call starts anew because another was quicker.
const attempts = 16

var errBusyItem = errors.New("the item changes all the time")

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

// insert adds an item. The server may still hold an expired record, whose lifetime was rounded
// up: that one is replaced, by cas.
func (s *Store) insert(ctx context.Context, sv *server, id driver.ID, item *memcache.Item) error {
	tried := false // the server may have stored it already
	for range attempts {
		again, err := sv.do(ctx, "create", func(c *client) error { return c.Add(item) })
		if err != memcache.ErrNotStored {
			return err
		}
		tried = tried || again
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
		again, err = sv.do(ctx, "create", func(c *client) error { return c.CompareAndSwap(&over) })
		if err == nil || !answered(err) {
			return err
		}
		tried = tried || again
	}
	return unavailable("create", errBusyItem)
}

// withdraw removes the record of a Create that fails, since nobody will be told of it. It does
// its best, and so it goes on when ctx has ended, but nobody waits for that. It
// is a cas, not a delete: by then, the caller may have tried again and succeeded.
func (s *Store) withdraw(ctx context.Context, sv *server, id driver.ID, nonce uint64) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // of Config.DialContext: here it would end the process
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
	ends := rec.Exact && rec.Expires.Before(before.rec.Expires)        // as what a Login replaces: not worth a round trip
	if rec.Subject != "" && rec.Used.After(before.rec.Used) && !ends { // in place of a Touch
		for _, of := range topics(&before.rec) {
			s.heal(ctx, of, rec.ID)
		}
	}
	return nil
}

// updated is what an Update with rec makes of l. A record that has lost its Subject stays in
// the lists until somebody tidies them, and is passed over there.
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

// later returns the later of two times, stored if they are the same to the microsecond.
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

// item makes the item for a record, if it is not too large: the server would say so, too, but
// only after it has read it all.
func (s *Store) item(sv *server, rec *driver.Record, version uint64, now time.Time) (*memcache.Item, error) {
	const overhead = 128 // of the server, for each item
	key := sv.key(&rec.ID)
	if overhead+len(key)+size(rec) > s.config.MaxItem {
		return nil, fmt.Errorf("memcachestore: %w: %d bytes of data, and items of %d", driver.ErrTooLarge, len(rec.Data), s.config.MaxItem)
	}
	if len(rec.Subject) > driver.MaxSubject || len(rec.Labels) > driver.MaxLabels || slices.ContainsFunc(rec.Labels, tooLong) {
		return nil, fmt.Errorf("memcachestore: %w: more than a subject of %d bytes and %d labels of as many", driver.ErrTooLarge, driver.MaxSubject, driver.MaxLabels)
	}
	return &memcache.Item{Key: key, Value: encode(rec, version, s.nonces.take()), Expiration: expiration(rec.Expires, now)}, nil
}

func tooLong(label string) bool { return len(label) > driver.MaxSubject }
