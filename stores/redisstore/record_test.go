package redisstore

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// What decode takes, encode makes: a record has one form.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(encode(newRecord("alice", "data"), 7)))
	f.Add([]byte(encode(newRecord("", ""), 0)))
	labelled := newRecord("alice", "data")
	labelled.Labels = []string{"a", "bc", ""}
	f.Add([]byte(encode(labelled, 7)))
	f.Add([]byte{format})
	f.Add([]byte{format + 1})
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := decode(b)
		if err != nil {
			newer := len(b) > 0 && b[0] > format
			if errors.Is(err, driver.ErrUnreadable) != newer || errors.Is(err, driver.ErrCorrupt) == newer {
				t.Fatal(err)
			}
			return
		}
		again := []byte(encode(&rec, rec.Version))
		copy(again[offTerm:offLen], b[offTerm:]) // is not part of the record
		if !bytes.Equal(again, b) {
			t.Fatalf("%q became %q", b, again)
		}
	})
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

func TestHashTags(t *testing.T) {
	for prefix, want := range map[string]bool{"{a}": true, "x{a}:": true, "{}": false, "{": false, "{}{a}": false, "": false} {
		if hasTag(prefix) != want {
			t.Errorf("hasTag(%q) = %t", prefix, !want)
		}
	}
}
