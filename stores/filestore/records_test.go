package filestore

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// An Update copies parts of the old file to the new one. It does not make an intact file out of a damaged one.
func TestUpdateOfADamagedFile(t *testing.T) {
	s, dir := newStore(t)
	rec := newRecord("alice", strings.Repeat("some data", 1000)) // more than the first read takes
	rec.Labels = []string{"admin", "idp:7"}
	check(t, s.Create(t.Context(), rec))
	file := filePath(dir, rec.ID)
	good, err := os.ReadFile(file)
	check(t, err)
	for i := range good {
		if i > 300 && i%500 != 0 {
			continue
		}
		b := slices.Clone(good)
		b[i] ^= 0x10
		check(t, os.WriteFile(file, b, 0o600))
		next := *rec
		next.Data = []byte("next")
		err := s.Update(t.Context(), &next)
		got, loadErr := s.Load(t.Context(), rec.ID)
		switch {
		case err != nil && (i == 6 || i == 7): // a greater format
			wantError(t, err, driver.ErrUnreadable)
		case err != nil:
			wantError(t, err, driver.ErrCorrupt)
		case loadErr != nil || got.Subject != rec.Subject || !slices.Equal(got.Labels, rec.Labels) || !got.Created.Equal(rec.Created) ||
			got.Used.After(rec.Used) || got.Expires.After(rec.Expires):
			t.Errorf("byte %d: Update made %v of it: %+v", i, loadErr, got)
		}
		if after, err2 := os.ReadFile(file); err != nil && (err2 != nil || !bytes.Equal(after, b)) {
			t.Errorf("byte %d: the file was changed", i)
		}
	}
}

// Touch writes in place. Each of the two times moves forward or stays, independently of the other.
func TestTouchInPlace(t *testing.T) {
	s, dir := newStore(t)
	rec := create(t, s, "alice", "data")
	before, err := os.Stat(filePath(dir, rec.ID))
	check(t, err)
	used, expires := rec.Used, rec.Expires
	for i, step := range []struct{ used, expires time.Duration }{
		{time.Minute, time.Minute}, {time.Minute, 0}, {time.Minute, -time.Hour}, {0, time.Minute}, {-time.Hour, time.Minute},
		{-time.Hour, -time.Hour}, {0, 0}, {time.Microsecond, time.Microsecond},
	} {
		check(t, s.Touch(t.Context(), rec.ID, rec.Version, used.Add(step.used), expires.Add(step.expires)))
		used, expires = used.Add(max(step.used, 0)), expires.Add(max(step.expires, 0))
		got, err := s.Load(t.Context(), rec.ID)
		check(t, err)
		if !got.Used.Equal(used) || !got.Expires.Equal(expires) || got.Version != rec.Version {
			t.Fatalf("touch %d: Used %v, Expires %v, version %d; want %v, %v, %d", i, got.Used, got.Expires, got.Version, used, expires, rec.Version)
		}
	}
	after, err := os.Stat(filePath(dir, rec.ID))
	check(t, err)
	if !os.SameFile(before, after) {
		t.Error("Touch made a new file")
	}
}
