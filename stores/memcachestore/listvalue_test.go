package memcachestore

import (
	"errors"
	"slices"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Given a list with one flipped bit, no walk takes it for complete: a caller who revokes all sessions must get an
// error.
func TestFlippedBitInList(t *testing.T) {
	addr := memcached(t).Addr
	s, raw := open(t, addr), bare(t, addr)
	ctx := t.Context()
	recs := []*driver.Record{record(1, 20), record(2, 20)}
	for _, rec := range recs {
		rec.Subject = "flipped list"
		must(t, s.Create(ctx, rec))
	}
	key := "test:s:" + hash("flipped list")
	item, err := raw.Get(key)
	must(t, err)
	good := slices.Clone(item.Value)
	flips(good, func(what string, b []byte) {
		if (len(b)-16)%36 == 0 && len(b) < len(good) && len(b) > 0 {
			return // cut between two sessions, it is a valid, shorter list
		}
		must(t, raw.Set(&memcache.Item{Key: key, Value: b}))
		n, last := 0, error(nil)
		for _, err := range s.BySubject(ctx, "flipped list") {
			if last = err; err == nil {
				n++
			}
		}
		if n < len(recs) && (last == nil || errors.Is(last, driver.ErrNotFound)) {
			t.Fatalf("%s: %d sessions of %d, and no error", what, n, len(recs))
		}
		if item, err := raw.Get(key); err != nil || !slices.Equal(item.Value, b) {
			t.Fatalf("%s: a walk has changed the list: %v", what, err)
		}
	})
}
