package filestore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The golden files show format 1. They never change.
var golden = map[string]driver.Record{
	"empty":   goldenRecord("", ""),
	"plain":   goldenRecord("alice", "some data"),
	"labeled": goldenRecord("alice", "some data", "admin", "idp:7"),
	"limits":  goldenRecord(longest("s"), strings.Repeat("\x00\xff", 100), longest("1"), longest("2"), longest("3")),
}

func longest(text string) string { return strings.Repeat(text, driver.MaxSubject) }

func goldenRecord(subject, data string, labels ...string) driver.Record {
	rec := driver.Record{
		Subject: subject,
		Labels:  labels,
		Created: time.UnixMicro(1_700_000_000_000_001).UTC(),
		Used:    time.UnixMicro(1_800_000_000_000_003).UTC(),
		Expires: time.UnixMicro(1_900_000_000_000_002).UTC(),
		Version: 1<<40 + 7,
		Data:    []byte(data),
	}
	for i := range rec.ID {
		rec.ID[i] = byte(i)
	}
	return rec
}

func goldenBytes(tb testing.TB, name string) []byte {
	tb.Helper()
	file := filepath.Join("testdata", name+".hex")
	if *update {
		rec := golden[name]
		check(tb, os.MkdirAll("testdata", 0o755))
		check(tb, os.WriteFile(file, []byte(hex.EncodeToString(encode(&rec))+"\n"), 0o644))
	}
	text, err := os.ReadFile(file)
	check(tb, err)
	b, err := hex.DecodeString(strings.TrimSpace(string(text)))
	check(tb, err)
	return b
}

func TestGolden(t *testing.T) {
	for name, want := range golden {
		b := goldenBytes(t, name)
		if !bytes.Equal(b, encode(&want)) {
			t.Errorf("%s: encode gives another file", name)
		}
		h, ok := parseHead(b)
		if !ok {
			t.Fatalf("%s: no head", name)
		}
		got, ok := h.decode(b)
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: decoded %+v, want %+v", name, got, want)
		}
	}
}

// If any byte of a file is damaged, Load answers ErrCorrupt or the right record, and never "not found". The same holds
// if the file is cut to any length.
func TestDamage(t *testing.T) {
	s, dir := newStore(t)
	rec := newRecord("alice", "some data")
	rec.Labels = []string{"admin", "idp:7"}
	check(t, s.Create(t.Context(), rec))
	check(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used.Add(time.Minute), rec.Expires.Add(time.Minute)))
	want, err := s.Load(t.Context(), rec.ID)
	check(t, err)
	file := filePath(dir, rec.ID)
	good, err := os.ReadFile(file)
	check(t, err)

	try := func(what string, at int, b []byte) {
		check(t, os.WriteFile(file, b, 0o600))
		got, err := s.Load(t.Context(), rec.ID)
		switch {
		case err != nil && what == "flipped byte" && (at == 6 || at == 7): // a greater format
			wantError(t, err, driver.ErrUnreadable)
		case err != nil:
			wantError(t, err, driver.ErrCorrupt)
		case got.Version != want.Version || !bytes.Equal(got.Data, want.Data) || got.Subject != want.Subject ||
			!slices.Equal(got.Labels, want.Labels) || got.Used.After(want.Used) || got.Expires.After(want.Expires):
			t.Errorf("%s %d: Load gave %+v", what, at, got)
		}
	}
	for i := range good {
		b := slices.Clone(good)
		b[i] ^= 0x10
		try("flipped byte", i, b)
		try("cut to", i, good[:i])
	}
	try("longer by one", len(good), append(slices.Clone(good), 0))
	try("zeros", 0, make([]byte, len(good)))
	try("not ASCII", 0, bytes.Repeat([]byte{0xff}, len(good)))

	// The deadline in the good slot has passed, and the one in the damaged slot is not known. This is not "not found"
	// either, and Sweep keeps the file.
	b := slices.Clone(good)
	h, _ := parseHead(b)
	past := time.Now().Add(-time.Minute)
	copy(b[h.spare:], appendSlot(nil, timesOf(past, past)))
	other := slotAt + (slotAt + slotSize - int(h.spare))
	b[other] ^= 1
	try("expired, other slot damaged", other, b)
	if n, err := s.Sweep(t.Context(), 10); n != 0 || err != nil {
		t.Errorf("Sweep removed %d, %v", n, err)
	}
}

// Every method but Delete refuses a file of a later format and does not change it.
func TestNewerFormat(t *testing.T) {
	s, dir := newStore(t)
	rec := create(t, s, "alice", "data")
	file := filePath(dir, rec.ID)
	for _, older := range []uint16{0, format} { // formats that this release knows
		setFormat(t, dir, rec.ID, older)
		_, err := s.Load(t.Context(), rec.ID)
		if damaged := errors.Is(err, driver.ErrCorrupt); damaged != (older == 0) {
			t.Fatalf("format %d: %v", older, err)
		}
	}
	// A later format keeps only the first 8 bytes. This file has nothing else.
	b := append([]byte(magic), 0xff, 0xff)
	check(t, os.WriteFile(file, b, 0o600))
	ctx := t.Context()

	_, err := s.Load(ctx, rec.ID)
	wantError(t, err, driver.ErrUnreadable)
	wantError(t, s.Create(ctx, rec), driver.ErrExists)
	wantError(t, s.Update(ctx, rec), driver.ErrUnreadable)
	wantError(t, s.Touch(ctx, rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)), driver.ErrUnreadable)
	s.now = func() time.Time { return time.Now().Add(1000 * time.Hour) }
	n, err := s.Sweep(ctx, 10)
	check(t, err)
	if after, err := os.ReadFile(file); err != nil || n != 0 || !bytes.Equal(after, b) {
		t.Fatalf("the file was changed: swept %d, %v", n, err)
	}
	check(t, s.Delete(ctx, rec.ID))
	_, err = s.Load(ctx, rec.ID)
	wantError(t, err, driver.ErrNotFound)
}

func FuzzDecode(f *testing.F) {
	for name := range golden {
		f.Add(goldenBytes(f, name))
	}
	f.Add(twoAreas(goldenBytes(f, "plain")))
	f.Add([]byte(nil))
	f.Add(bytes.Repeat([]byte{0xff}, headSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		newestIsPossible(t, b)
		h, ok := parseHead(b)
		if !ok {
			return
		}
		if h.size < h.dataAt || h.dataAt < headSize || h.spare != slotAt && h.spare != slotAt+slotSize {
			t.Fatalf("impossible head %+v", h)
		}
		rec, ok := h.decode(b)
		if !ok {
			return
		}
		// A record that was accepted is encoded to the same bytes, except the two slots.
		again := encode(&rec)
		copy(again[12:bodyAt], b[12:bodyAt])
		if !bytes.Equal(again, b) {
			t.Fatalf("decoded %x, encoded %x", b, again)
		}
	})
}
