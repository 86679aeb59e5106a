package memcachestore

import (
	"context"
	"errors"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// swap replaces the live record of this version by what change makes of it, with one cas if
// the record was loaded here, and returns what was there before. If change makes nil, the record
// is as it should be. If somebody else's Touch came between, change is called again, with what
// that one left.
func (s *Store) swap(ctx context.Context, sv *server, what string, id driver.ID, version uint64, change func(*loaded) (*memcache.Item, error)) (*loaded, error) {
	l := s.memory.find(&id, version, what == "touch")
	remembered := l != nil
	var before *loaded
	tried := uint64(0) // nonce of an item that the server may have stored already
	for range attempts {
		if l == nil {
			var err error
			if l, err = s.refetch(ctx, sv, what, id, version, tried); err != nil {
				return nil, err
			}
			if tried != 0 && l.nonce == tried {
				return before, nil
			}
		}
		var item *memcache.Item
		if l.liveness() == nil {
			var err error
			if item, err = change(l); err != nil {
				return nil, err
			}
		}
		if item == nil {
			if !remembered {
				return l, l.liveness()
			}
			l, remembered = nil, false // what is remembered may be old, and is not enough to say no
			continue
		}
		item.CasID = l.cas
		again, err := sv.do(ctx, what, func(c *client) error { return c.CompareAndSwap(item) })
		s.memory.drop(l)
		switch {
		case err == nil:
			return l, nil
		case (err == memcache.ErrCacheMiss || err == memcache.ErrNotStored) && again:
			return nil, unavailable(what, errOvertaken)
		case err == memcache.ErrCacheMiss || err == memcache.ErrNotStored:
			return nil, errNotFound
		case err != memcache.ErrCASConflict:
			return nil, err
		case again:
			tried = nonceOf(item.Value)
		}
		before, l, remembered = l, nil, false
	}
	return nil, unavailable(what, errBusyItem)
}

func (l *loaded) liveness() error {
	if l.rec.Live(time.Now()) {
		return nil
	}
	return errNotFound
}

var errOvertaken = errors.New("the connection was lost, and the record has changed or gone since")

// refetch reads the record anew and compares its version. tried is the nonce of a write that may have
// been done: whose record that is, is the caller's to see, and neither another version nor the absence of
// the record proves that it was not done.
func (s *Store) refetch(ctx context.Context, sv *server, what string, id driver.ID, version, tried uint64) (*loaded, error) {
	l, err := s.fetch(ctx, sv, what, id)
	switch {
	case (errors.Is(err, driver.ErrUnreadable) || errors.Is(err, driver.ErrNotFound)) && tried != 0:
		return nil, unavailable(what, errOvertaken)
	case err != nil:
		return nil, err
	case tried != 0 && l.nonce == tried:
		return l, nil
	case tried != 0 && (l.rec.Version != version || !l.rec.Live(time.Now())):
		return nil, unavailable(what, errOvertaken)
	case !l.rec.Live(time.Now()):
		return nil, errNotFound
	case l.rec.Version != version:
		return nil, errConflict
	}
	return l, nil
}
