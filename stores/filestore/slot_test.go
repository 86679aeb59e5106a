package filestore

import (
	"bytes"
	"os"
	"testing"
	"time"
)

// After a crash in the middle of a Touch, the earlier times are read, and the next Touch repairs the file.
func TestTornTouch(t *testing.T) {
	const second = 1_000_000
	s, dir := newStore(t)
	rec := create(t, s, "", "data")
	file := filePath(dir, rec.ID)
	for name, step := range map[string]times{"both": {second, second}, "used": {second, 0}, "expires": {0, second}} {
		for cut := range slotSize {
			b, err := os.ReadFile(file)
			check(t, err)
			before, _ := parseHead(b)
			slot := appendSlot(nil, times{before.used + step.used, before.expires + step.expires})
			copy(b[before.spare:], slot[:cut])
			if bytes.Equal(b[before.spare:before.spare+slotSize], slot) {
				continue // the rest of the slot was the same: nothing is torn
			}
			check(t, os.WriteFile(file, b, 0o600))
			got, err := s.Load(t.Context(), rec.ID)
			check(t, err)
			if timesOf(got.Used, got.Expires) != before.times {
				t.Fatalf("%s, cut %d: Used %v, Expires %v, want %v", name, cut, got.Used, got.Expires, before.times)
			}
			want := times{before.used + 2*second, before.expires + 2*second}
			check(t, s.Touch(t.Context(), rec.ID, rec.Version, time.UnixMicro(want.used), time.UnixMicro(want.expires)))
			if b, err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
			if h, _ := parseHead(b); h.torn || h.times != want {
				t.Fatalf("%s, cut %d: not mended", name, cut)
			}
		}
	}
}
