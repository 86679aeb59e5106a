package memcachestore

import (
	"context"
	"errors"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// swap replaces the live record that has this version by the item that change returns, and returns what was there
// before. It takes one cas if this store has loaded the record. If change returns nil, nothing needs to change. If
// somebody else's Touch comes between, swap calls change again with the new state.
func (s *Store) swap(
	ctx context.Context, sv *server, op string, id driver.ID, version uint64,
	change func(*loaded) (*memcache.Item, error),
) (*loaded, error) {
	l := s.memory.find(&id, version, op == "touch")
	remembered := l != nil
	var before *loaded
	tried := uint64(0) // the nonce of an item that the server may have stored already
	for range attempts {
		if l == nil {
			var err error
			if l, err = s.refetch(ctx, sv, op, id, version, tried); err != nil {
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
			l, remembered = nil, false // the remembered state may be out of date: read before answering
			continue
		}
		item.CasID = l.cas
		repeated, err := sv.do(ctx, op, func(c *client) error { return c.CompareAndSwap(item) })
		s.memory.drop(l)
		switch {
		case err == nil:
			return l, nil
		case (err == memcache.ErrCacheMiss || err == memcache.ErrNotStored) && repeated:
			return nil, unavailable(op, errUnknownOutcome)
		case err == memcache.ErrCacheMiss || err == memcache.ErrNotStored:
			return nil, errNotFound
		case err != memcache.ErrCASConflict:
			return nil, err
		case repeated:
			tried = nonceOf(item.Value)
		}
		before, l, remembered = l, nil, false
	}
	return nil, unavailable(op, errContended)
}

func (l *loaded) liveness() error {
	if l.rec.Live(time.Now()) {
		return nil
	}
	return errNotFound
}

var errUnknownOutcome = errors.New("the connection was lost, and the record has changed or gone since then: " +
	"the write may have succeeded")

// refetch reads the record again and compares its version. tried is the nonce of a write of ours that may have
// succeeded, or 0. If the record has that nonce, refetch returns it with any version. The caller checks whose record
// it is. A different version does not prove that our write failed, and a missing record does not either.
func (s *Store) refetch(
	ctx context.Context, sv *server, op string, id driver.ID, version, tried uint64,
) (*loaded, error) {
	l, err := s.fetch(ctx, sv, op, id)
	switch {
	case (errors.Is(err, driver.ErrUnreadable) || errors.Is(err, driver.ErrNotFound)) && tried != 0:
		return nil, unavailable(op, errUnknownOutcome)
	case err != nil:
		return nil, err
	case tried != 0 && l.nonce == tried:
		return l, nil
	case tried != 0 && (l.rec.Version != version || !l.rec.Live(time.Now())):
		return nil, unavailable(op, errUnknownOutcome)
	case !l.rec.Live(time.Now()):
		return nil, errNotFound
	case l.rec.Version != version:
		return nil, errConflict
	}
	return l, nil
}
