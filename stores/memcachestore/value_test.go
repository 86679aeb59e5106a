package memcachestore

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func TestExpiration(t *testing.T) {
	now := time.Unix(1_800_000_000, 999_999_000)
	for _, c := range []struct {
		left time.Duration
		want int64
	}{
		{-time.Hour, -1}, {0, -1}, {1, 2}, {time.Second - 1, 2}, {time.Second, 3}, {29 * 24 * time.Hour, 29*24*3600 + 2},
		{month - 2*time.Second, 30 * 24 * 3600},
		{month - time.Second, now.Unix() + 30*24*3600 - 1 + 60},
		{month, now.Unix() + 30*24*3600 + 60}, {90 * 24 * time.Hour, now.Unix() + 90*24*3600 + 60},
		{time.Unix(math.MaxInt32-60, 0).Sub(now), math.MaxInt32},
		{time.Unix(math.MaxInt32-59, 0).Sub(now) + time.Second, 0}, {100 * 365 * 24 * time.Hour, 0}, {math.MaxInt64, 0},
	} {
		if got := expiration(now.Add(c.left), now); int64(got) != c.want {
			t.Errorf("%v from now: %d, want %d", c.left, got, c.want)
		}
	}
	if got := expiration(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), now); got != 0 {
		t.Errorf("the year 9999: %d", got)
	}
}

func TestValueIsWhatItWas(t *testing.T) {
	id := driver.ID{1, 2, 3}
	rec := driver.Record{
		ID: id, Subject: "alice", Labels: []string{"admin", "idp:1"}, Version: 7, Data: []byte("data"),
		Created: time.UnixMicro(1_700_000_000_000_001), Used: time.UnixMicro(1_700_000_000_000_002), Expires: time.UnixMicro(1_800_000_000_000_001),
	}
	value := encode(&rec, 7, 99)
	golden := "01" + "061c8405" + id.String() + "0700000000000000" + "01401e18240a0600" + "02401e18240a0600" + "0180982817650600" + "6300000000000000" +
		"05616c696365" + "02" + "0561646d696e" + "056964703a31" + "64617461"
	if got := fmt.Sprintf("%x", value); got != golden {
		t.Errorf("the format changed:\n%s\n%s", got, golden)
	}
	got, err := decode(id, value)
	if err != nil || fmt.Sprint(got) != fmt.Sprint(rec) || nonceOf(value) != 99 {
		t.Errorf("%+v, %v", got, err)
	}
}

// An item that is cut at any byte is no record.
func TestDecodeCutShort(t *testing.T) {
	rec := driver.Record{ID: driver.ID{1}, Subject: "alice", Labels: []string{"admin", "idp"}}
	whole := encode(&rec, 1, 2)
	for n := range whole {
		if got, err := decode(rec.ID, whole[:n]); !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("%d of %d bytes: %+v, %v", n, len(whole), got, err)
		}
	}
}

// The first byte alone says that an item is of a newer format. 0 is no format.
func TestDecodeOtherFormats(t *testing.T) {
	rec := driver.Record{ID: driver.ID{1}}
	for number, want := range map[byte]error{0: driver.ErrCorrupt, 2: driver.ErrUnreadable, 255: driver.ErrUnreadable} {
		for _, value := range [][]byte{append([]byte{number}, encode(&rec, 1, 2)[1:]...), {number}} {
			if got, err := decode(rec.ID, value); !errors.Is(err, want) {
				t.Errorf("format %d, %d bytes: %+v, %v", number, len(value), got, err)
			}
		}
	}
	if _, err := decode(rec.ID, nil); !errors.Is(err, driver.ErrCorrupt) {
		t.Errorf("no bytes: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	id := driver.ID{1}
	f.Add(encode(&driver.Record{ID: id, Subject: "alice", Data: []byte("data")}, 1, 2))
	f.Add(encode(&driver.Record{ID: id, Subject: "alice", Labels: []string{"", "admin"}}, 1, 2))
	whole := encode(&driver.Record{ID: id, Subject: "a", Labels: []string{"b"}}, 1, 2)
	for n := headSize - 1; n < len(whole); n++ {
		f.Add(whole[:n])
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		rec, err := decode(id, value)
		if err != nil {
			return
		}
		if again := encode(&rec, rec.Version, nonceOf(value)); !bytes.Equal(again, value) {
			t.Errorf("%x became %x", value, again)
		}
	})
}

// Sessions may live long. The server would take a relative time of more than 30 days for a date in 1970, and drop the
// session at once.
func TestLongLives(t *testing.T) {
	srv := memcached(t)
	s := open(t, srv.Addr)
	for _, life := range []time.Duration{30*24*time.Hour - time.Second, 30 * 24 * time.Hour, 30*24*time.Hour + time.Second, 90 * 24 * time.Hour, 400 * 24 * time.Hour} {
		rec := record(int(life/time.Hour), 10)
		rec.Expires = rec.Created.Add(life)
		must(t, s.Create(t.Context(), rec))
		time.Sleep(5 * time.Millisecond)
		if _, err := s.Load(t.Context(), rec.ID); err != nil {
			t.Errorf("a life of %v: %v", life, err)
		}
		rec.Expires = rec.Expires.Add(time.Hour)
		must(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires))
		must(t, s.Update(t.Context(), rec))
		if got, err := s.Load(t.Context(), rec.ID); err != nil || !got.Expires.Equal(rec.Expires) {
			t.Errorf("a life of %v, longer by an hour: until %v, %v", life, got.Expires, err)
		}
	}
}

// flips calls try with each bit of b flipped, with b cut at each byte, with b one byte longer, and with zeros.
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

// damaged fails unless err says that the bytes are no record, are of a newer format, or have another ID.
func damaged(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrConflict) ||
		!errors.Is(err, driver.ErrCorrupt) && !errors.Is(err, driver.ErrUnreadable) && !errors.Is(err, driver.ErrUnavailable) {
		t.Fatalf("%s: %v", what, err)
	}
}

// Given an item with one flipped bit, no method takes it for a record, whatever the store remembers, and none turns it
// into a valid item.
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
		_, err := s.Load(ctx, rec.ID) // so that the store remembers it
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
