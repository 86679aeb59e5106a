package cachedstore

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var entryRecord = driver.Record{
	ID: numbered(1), Subject: "alice", Labels: []string{"admin", "sid"}, Version: 7,
	Created: time.UnixMicro(1), Used: time.UnixMicro(2), Expires: time.UnixMicro(3), Data: []byte("data"),
}

// The bytes of an entry, so that a change of the layout is seen.
func TestEntryLayout(t *testing.T) {
	const want = "\x01" + "\x07\x00\x00\x00\x00\x00\x00\x00" +
		"\x01\x00\x00\x00\x00\x00\x00\x00" + "\x02\x00\x00\x00\x00\x00\x00\x00" +
		"\x03\x00\x00\x00\x00\x00\x00\x00" + "\x05\x00\x00\x00\x00\x00\x00\x00" +
		"\x02" + "\x05alice" + "\x05admin" + "\x03sid" + "data"
	if got := value(entryRecord, time.UnixMicro(5)).encode(); string(got) != want {
		t.Errorf("a value is\n%q, want\n%q", got, want)
	}
	if got := fence(numbered(1), 7).encode(); string(got) != want[:0]+"\x02"+want[1:9] {
		t.Errorf("a fence is %q", got)
	}
}

// An entry keeps the longest names that a store must take.
func TestEntryTakesTheLongestNames(t *testing.T) {
	rec := entryRecord
	rec.Subject, rec.Labels = strings.Repeat("s", driver.MaxSubject), nil
	for i := range driver.MaxLabels {
		rec.Labels = append(rec.Labels, strings.Repeat(string(rune('a'+i)), driver.MaxSubject))
	}
	e := parse(rec.ID, value(rec, time.UnixMicro(5)).encode())
	if e.rec.Subject != rec.Subject || strings.Join(e.rec.Labels, "|") != strings.Join(rec.Labels, "|") || string(e.rec.Data) != "data" {
		t.Errorf("got %q, %q, %q", e.rec.Subject, e.rec.Labels, e.rec.Data)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(fence(numbered(1), 7).encode())
	f.Add(value(entryRecord, time.UnixMicro(5)).encode())
	f.Add(value(driver.Record{Version: 7}, time.UnixMicro(5)).encode())
	f.Add([]byte{kindNewer})
	f.Add([]byte{kindTouch, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		e := parse(numbered(1), data)
		if e.kind == kindNewer && data[0] > kindFence {
			return
		}
		if e.kind != 0 && (string(e.encode()) != string(data) || e.rec.ID != numbered(1)) {
			t.Errorf("%x became %x", data, e.encode())
		}
	})
}

func numbered(n int) (id driver.ID) {
	binary.LittleEndian.PutUint64(id[:], uint64(n))
	return id
}
