package filestore

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// markers counts the marker files.
func markers(tb testing.TB, dir string) int {
	tb.Helper()
	n := 0
	for _, folder := range []string{subjectIndex, labelIndex} {
		names, err := filepath.Glob(filepath.Join(dir, folder, "*", "*"))
		check(tb, err)
		n += len(names)
	}
	return n
}

// Create makes the markers. They are removed when the record is cleared, deleted, swept or replaced, so that the
// folders do not fill up.
func TestMarkersGoWithTheRecord(t *testing.T) {
	for name, end := range map[string]func(*Store, *driver.Record) error{
		"cleared": func(s *Store, rec *driver.Record) error {
			rec.Subject = ""
			return s.Update(t.Context(), rec)
		},
		"deleted": func(s *Store, rec *driver.Record) error { return s.Delete(t.Context(), rec.ID) },
		"swept": func(s *Store, _ *driver.Record) error {
			s.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
			_, err := s.Sweep(t.Context(), 10)
			return err
		},
		"replaced by an anonymous one": func(s *Store, rec *driver.Record) error {
			s.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
			next := newRecord("", "data")
			next.ID, next.Expires = rec.ID, rec.Expires.Add(5*time.Hour)
			return s.Create(t.Context(), next)
		},
	} {
		s, dir := newStore(t)
		rec := newRecord("alice", "data")
		rec.Labels = []string{"admin", "alice"}
		check(t, s.Create(t.Context(), rec))
		if n := markers(t, dir); n != 3 {
			t.Fatalf("%s: %d markers before, want 3", name, n)
		}
		check(t, end(s, rec))
		if n := markers(t, dir); n != 0 {
			t.Errorf("%s: %d markers left", name, n)
		}
	}
}

// An Update with another subject and other labels does not change them, and writes no marker.
func TestUpdateKeepsTheEntries(t *testing.T) {
	s, dir := newStore(t)
	rec := newRecord("alice", "data")
	rec.Labels = []string{"admin"}
	check(t, s.Create(t.Context(), rec))
	change := *rec
	change.Subject, change.Labels = longest("x")+"x", []string{"a", "b", "c", "d"}
	check(t, s.Update(t.Context(), &change))
	got, err := s.Load(t.Context(), rec.ID)
	check(t, err)
	if got.Subject != "alice" || len(got.Labels) != 1 || got.Labels[0] != "admin" {
		t.Errorf("Update made it %q with %q", got.Subject, got.Labels)
	}
	if n := markers(t, dir); n != 2 {
		t.Errorf("%d markers, want 2", n)
	}
}

// Sweep rebuilds an index that was lost, and a walk removes markers without a record.
func TestIndexHeals(t *testing.T) {
	s, dir := newStore(t)
	var recs []*driver.Record
	for range 2 {
		rec := newRecord("alice", "data")
		rec.Labels = []string{"admin", "alice"}
		check(t, s.Create(t.Context(), rec))
		recs = append(recs, rec)
	}
	a, b := recs[0], recs[1]
	entries := entriesOf(a.Subject, a.Labels)
	list := func(e entry) map[driver.ID]bool { return found(t, s.find(t.Context(), e)) }

	check(t, os.RemoveAll(filepath.Join(dir, subjectIndex)))
	check(t, os.RemoveAll(filepath.Join(dir, labelIndex)))
	for _, e := range entries {
		if got := list(e); len(got) != 0 {
			t.Fatalf("the index of %v is still there: %v", e, got)
		}
	}
	_, err := s.Sweep(t.Context(), 100)
	check(t, err)
	for _, e := range entries {
		if got := list(e); !got[a.ID] || !got[b.ID] {
			t.Errorf("%v after Sweep: %v", e, got)
		}
	}
	check(t, os.Remove(filePath(dir, a.ID)))
	for _, e := range entries {
		if got := list(e); len(got) != 1 || !got[b.ID] {
			t.Errorf("%v after a record went: %v", e, got)
		}
		if _, err := os.Stat(filepath.Join(dir, e.marker(a.ID))); !os.IsNotExist(err) {
			t.Errorf("marker of %v without a record: %v", e, err)
		}
	}
}
