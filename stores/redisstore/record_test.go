package redisstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A record has exactly one form: what decode accepts, encode produces.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(encode(newRecord("alice", "data"), 7, 1)))
	f.Add([]byte(encode(newRecord("", ""), 0, 2)))
	labelled := newRecord("alice", "data")
	labelled.Labels = []string{"a", "bc", ""}
	f.Add([]byte(encode(labelled, 7, 3)))
	f.Add([]byte{format})
	f.Add([]byte{format + 1})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		oneForm(t, b)
		if len(b) >= offNames { // make the copy and the checksum right
			b = slices.Clone(b)
			copy(b[offCopy:offSum], b[offVersion:offCopy])
			binary.BigEndian.PutUint32(b[offSum:], sum(b))
			oneForm(t, b)
		}
	})
}

func oneForm(t *testing.T, b []byte) {
	rec, err := decode(b)
	if err != nil {
		newer := len(b) > 0 && b[0] > format
		if errors.Is(err, driver.ErrUnreadable) != newer || errors.Is(err, driver.ErrCorrupt) == newer {
			t.Fatal(err)
		}
		return
	}
	again := []byte(encode(&rec, rec.Version, binary.BigEndian.Uint32(b[1:])))
	copy(again[offTerm:offCopy], b[offTerm:]) // the term is not part of the record
	copy(again[offCopy:offSum], again[offVersion:offCopy])
	if !bytes.Equal(again, b) {
		t.Fatalf("%q became %q", b, again)
	}
}

// The bytes of one record, so that a change of the format is noticed.
func TestGolden(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	rec := driver.Record{Subject: "alice", Labels: []string{"admin"}, Created: at, Used: at.Add(time.Second), Expires: at.Add(time.Hour), Data: []byte("data")}
	copy(rec.ID[:], "0123456789abcdef0123456789abcdef")
	const want = "\x01" + "\xde\xad\xbe\xef" + "\x00\x00\x00\x00\x00\x00\x00\x07" + "063902923445000006" + "063902919846000006" + "023114" +
		"\x00\x00\x00\x00\x00\x00\x00\x07" + "063902923445000006" + "063902919846000006" + "023114" +
		"\xa0\x45\xec\x34" + "\x00\x06\x47\x5e\xf6\x4c\xf3\x46" + "0123456789abcdef0123456789abcdef" + "\x00\x0c" + "\x05alice" + "\x05admin" + "data"
	if got := encode(&rec, 7, 0xdeadbeef); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got, err := decode([]byte(want))
	ok(t, err)
	if got.Version = 0; !same(&got, &rec) {
		t.Errorf("%+v", got)
	}
}

func TestTimesAndLives(t *testing.T) {
	for in, want := range map[uint64]string{0: "000000000000000000", 1234: "000000000000001234", latest: "999999999999999999"} {
		if got := timeDigits(in); got != want {
			t.Errorf("timeDigits(%d) = %s", in, got)
		}
	}
	early, late := time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(40000, 1, 1, 0, 0, 0, 0, time.UTC)
	if micros(early) != 0 || micros(late) != latest {
		t.Error("times out of range are not cut")
	}
	now := time.Now().Truncate(time.Microsecond)
	for _, want := range []time.Time{{}, time.Unix(-1, 0), now} {
		if got, ok := parseTime([]byte(timeDigits(micros(want)))); !ok || !got.Equal(want) {
			t.Errorf("%v became %v", want, got)
		}
	}
	for _, c := range []struct {
		expires, now uint64
		want         string
	}{{1, 1, "1"}, {0, 5, "1"}, {2, 1, "1"}, {1001, 1, "1"}, {1002, 1, "2"}} {
		if got := life(c.expires, c.now); got != c.want {
			t.Errorf("life(%d, %d) = %s, want %s", c.expires, c.now, got, c.want)
		}
	}
}
