package memcachestore_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// flips calls try with each bit of b flipped, and with b cut and longer.
func flips(b []byte, try func(what string, b []byte)) {
	for i := range b {
		for bit := range 8 {
			flipped := slices.Clone(b)
			flipped[i] ^= 1 << bit
			try(fmt.Sprintf("byte %d, bit %d", i, bit), flipped)
		}
		try(fmt.Sprintf("cut to %d bytes", i), b[:i])
	}
	try("longer by one", append(slices.Clone(b), 0))
	try("zeros", make([]byte, len(b)))
}

// damaged fails unless err says that bytes came back which are no record, or none for this server, or not of this ID.
func damaged(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrConflict) ||
		!errors.Is(err, driver.ErrCorrupt) && !errors.Is(err, driver.ErrUnreadable) && !errors.Is(err, driver.ErrUnavailable) {
		t.Fatalf("%s: %v", what, err)
	}
}

// Given an item of which one bit is another, then it is no record, for no method and whatever is remembered of it, and
// none makes a whole item of it.
func TestFlippedBit(t *testing.T) {
	addr := memcached(t).Addr
	raw := bare(t, addr)
	ctx := t.Context()
	rec := record(1, 20)
	rec.Subject, rec.Labels = "flipped", []string{"admin", "idp:7"}
	s := open(t, addr)
	must(t, s.Create(ctx, rec))
	key := "test:" + rec.ID.String()
	item, err := raw.Get(key)
	must(t, err)
	good := slices.Clone(item.Value)
	set := func(b []byte) { must(t, raw.Set(&memcache.Item{Key: key, Value: b})) }
	n := 0
	flips(good, func(what string, b []byte) {
		set(good)
		_, err := s.Load(ctx, rec.ID) // which is remembered
		must(t, err)
		set(b)
		next := *rec
		next.Data = []byte("next")
		if n++; n%7 == 0 {
			damaged(t, what+": Update", s.Update(ctx, &next))
			damaged(t, what+": Touch", s.Touch(ctx, rec.ID, rec.Version, rec.Used.Add(time.Minute), rec.Expires.Add(time.Minute)))
			again := *rec
			if err := s.Create(ctx, &again); err == nil {
				t.Fatalf("%s: Create of a record that is there", what)
			}
		}
		_, err = s.Load(ctx, rec.ID)
		damaged(t, what+": Load", err)
		if item, err := raw.Get(key); err != nil || !slices.Equal(item.Value, b) {
			t.Fatalf("%s: the item was changed: %v", what, err)
		}
	})
	must(t, s.Delete(ctx, rec.ID))
	wants(t, errOf(s.Load(ctx, rec.ID)), driver.ErrNotFound)
}

// Given a list of which one bit is another, then no walk takes it for whole: who revokes all sessions must hear of it.
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
			return // cut between two sessions, it is a list of fewer
		}
		must(t, raw.Set(&memcache.Item{Key: key, Value: b}))
		n, last := 0, error(nil)
		for _, err := range s.BySubject(ctx, "flipped list") {
			if last = err; err == nil {
				n++
			}
		}
		if n < len(recs) && (last == nil || errors.Is(last, driver.ErrNotFound)) {
			t.Fatalf("%s: %d sessions of %d, and the list is whole", what, n, len(recs))
		}
		if item, err := raw.Get(key); err != nil || !slices.Equal(item.Value, b) {
			t.Fatalf("%s: a walk has changed the list: %v", what, err)
		}
	})
}
