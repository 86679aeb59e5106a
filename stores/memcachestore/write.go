package memcachestore

import (
	"context"
	"errors"
	"fmt"
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
	if rec.Subject != "" {
		if err := s.enlist(ctx, rec.Subject, rec.ID); err != nil {
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
		case errors.Is(err, driver.ErrCorrupt):
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

// Update implements driver.Store.
func (s *Store) Update(ctx context.Context, rec *driver.Record) error {
	sv, now := s.ring.pick(&rec.ID), time.Now()
	version := nextVersion(rec.Version, now)
	item, err := s.item(sv, rec, version, now)
	if err != nil {
		return err
	}
	before, err := s.swap(ctx, sv, "update", rec.ID, rec.Version, func(l *loaded) *memcache.Item {
		copy(item.Value[atCreated:atExpires], created(l.rec.Created))
		return item
	})
	if err != nil {
		return err
	}
	if rec.Subject != "" && rec.Subject != before.rec.Subject {
		if err := s.enlist(ctx, rec.Subject, rec.ID); err != nil {
			return err
		}
	}
	rec.Version = version
	return nil
}

// Touch implements driver.Store.
func (s *Store) Touch(ctx context.Context, id driver.ID, version uint64, expires time.Time) error {
	sv := s.ring.pick(&id)
	before, err := s.swap(ctx, sv, "touch", id, version, func(l *loaded) *memcache.Item {
		if expires.UnixMicro() <= l.rec.Expires.UnixMicro() {
			return nil
		}
		longer := l.rec
		longer.Expires = expires
		item, _ := s.item(sv, &longer, version, time.Now()) // it has fitted before
		return item
	})
	if err == nil && before.rec.Subject != "" {
		s.heal(ctx, before.rec.Subject, id)
	}
	return err
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
	if size := overhead + len(key) + head + len(rec.Subject) + len(rec.Data); size > s.config.MaxItem || len(rec.Subject) > driver.MaxSubject {
		return nil, fmt.Errorf("memcachestore: %w: %d bytes of data, and items of %d", driver.ErrTooLarge, len(rec.Data), s.config.MaxItem)
	}
	return &memcache.Item{Key: key, Value: encode(rec, version, s.nonces.take()), Expiration: expiration(rec.Expires, now)}, nil
}
