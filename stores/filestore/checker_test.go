package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// problems are what Check finds, by ID and text.
func problems(tb testing.TB, s *Store, fix bool) map[driver.ID]string {
	tb.Helper()
	all := map[driver.ID]string{}
	for p, err := range s.Check(tb.Context(), fix) {
		check(tb, err)
		if p.Fixed != fix {
			tb.Errorf("%+v with fix %t", p, fix)
		}
		all[p.ID] += p.What + ";"
	}
	return all
}

// Given an index that somebody has damaged, when Check fixes it, then BySubject and ByLabel find the session again, and
// an entry of nobody is gone. Without fix nothing changes.
func TestCheckFixes(t *testing.T) {
	s, dir := newStore(t)
	lost := newRecord("alice", "data")
	lost.Labels = []string{"admin"}
	check(t, s.Create(t.Context(), lost))
	sound := create(t, s, "alice", "data")
	other := create(t, s, "bob", "data")
	for _, e := range entriesOf(lost.Subject, lost.Labels) {
		check(t, os.Remove(filepath.Join(dir, e.marker(lost.ID))))
	}
	nobody := driver.ID{1, 2, 3}
	check(t, s.addMarkers(nobody, []entry{{subjectIndex, "alice"}}))
	check(t, s.addMarkers(other.ID, []entry{{labelIndex, "admin"}})) // another's name
	foreign := filepath.Join(dir, filepath.Dir(entry{subjectIndex, "alice"}.marker(nobody)), "README")
	check(t, os.WriteFile(foreign, nil, 0o600))

	want := map[driver.ID]string{
		lost.ID:  "the index by subject lacks it;the index by label lacks it;",
		nobody:   "the index by subject has it, and there is no such record of that name;",
		other.ID: "the index by label has it, and there is no such record of that name;",
	}
	for _, fix := range []bool{false, true} {
		got := problems(t, s, fix)
		for id, what := range want {
			if got[id] != what {
				t.Errorf("with fix %t: %q, want %q", fix, got[id], what)
			}
		}
		if len(got) != len(want) {
			t.Errorf("with fix %t: %q", fix, got)
		}
	}
	if got := problems(t, s, false); len(got) > 0 {
		t.Errorf("after the fix: %q", got)
	}
	if got := sessionsOf(t, s, "alice"); len(got) != 2 || !got[lost.ID] || !got[sound.ID] {
		t.Errorf("alice has %v", got)
	}
	if got := found(t, s.ByLabel(t.Context(), "admin")); len(got) != 1 || !got[lost.ID] {
		t.Errorf("the label has %v", got)
	}
	if n := markers(t, dir); n != 4+1 {
		t.Errorf("%d files in the index, want four markers and the foreign file", n)
	}
}

// A record that cannot be read keeps its entries, and something in the place of a folder hides no other problem.
func TestCheckGoesOn(t *testing.T) {
	s, dir := newStore(t)
	newer, lost := create(t, s, "alice", "data"), create(t, s, "bob", "data")
	setFormat(t, dir, newer.ID, format+1)
	check(t, os.Remove(filepath.Join(dir, entry{subjectIndex, "bob"}.marker(lost.ID))))
	for i := range shardCount {
		name := filepath.Join(dir, labelIndex, shardName(byte(i)))
		if _, err := os.Lstat(name); err != nil { // the first one that is free
			check(t, os.MkdirAll(filepath.Dir(name), 0o700))
			check(t, os.WriteFile(name, nil, 0o600))
			break
		}
	}
	var got []driver.Problem
	var last error
	for p, err := range s.Check(t.Context(), true) {
		if last = err; err == nil {
			got = append(got, p)
		}
	}
	if len(got) != 1 || got[0].ID != lost.ID || !errors.Is(last, driver.ErrUnavailable) {
		t.Errorf("%+v, %v", got, last)
	}
	if n := markers(t, dir); n < 2 {
		t.Errorf("%d markers", n)
	}
}
