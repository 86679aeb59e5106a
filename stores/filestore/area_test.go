package filestore

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// liveData is Data of a session that has not ended.
func liveData(text string) string { return "\x01\x00" + text }

// updateTo updates rec with new Data.
func updateTo(tb testing.TB, s *Store, rec *driver.Record, data string) {
	tb.Helper()
	rec.Data = []byte(data)
	check(tb, s.Update(tb.Context(), rec))
}

// twice returns a record that was created and updated once, in a file with two areas, with the names of its user.
func twice(tb testing.TB, s *Store) (rec, older driver.Record) {
	tb.Helper()
	r := newRecord("alice", liveData("older"))
	r.Labels = []string{"admin"}
	check(tb, s.Create(tb.Context(), r))
	older = *r
	updateTo(tb, s, r, liveData("newer"))
	return *r, older
}

func endsStore(tb testing.TB) (*Store, string) {
	return newStoreWith(tb, Config{Sync: SyncEnds, Logger: slog.New(slog.DiscardHandler)})
}

func readFileOf(tb testing.TB, dir string, id driver.ID) []byte {
	tb.Helper()
	b, err := os.ReadFile(filePath(dir, id))
	check(tb, err)
	return b
}

func wantData(tb testing.TB, s *Store, want *driver.Record) {
	tb.Helper()
	got, err := s.Load(tb.Context(), want.ID)
	check(tb, err)
	if got.Version != want.Version || string(got.Data) != string(want.Data) || got.Subject != want.Subject {
		tb.Fatalf("Load gave version %d, %q; want %d, %q", got.Version, got.Data, want.Version, want.Data)
	}
}

// With SyncEnds an Update writes in place as long as the record fits, and a larger one makes a new file.
func TestUpdateInPlace(t *testing.T) {
	s, dir := endsStore(t)
	rec, _ := twice(t, s)
	before, err := os.Stat(filePath(dir, rec.ID))
	check(t, err)
	for _, data := range []string{"a", "bb", "", "cccc"} {
		updateTo(t, s, &rec, liveData(data))
		wantData(t, s, &rec)
		used, expires := rec.Used.Add(time.Second), rec.Expires.Add(time.Second)
		check(t, s.Touch(t.Context(), rec.ID, rec.Version, used, expires))
		if got, err := s.Load(t.Context(), rec.ID); err != nil || !got.Used.Equal(used) || !got.Expires.Equal(expires) {
			t.Fatalf("after Touch: %v, %v, %v", got.Used, got.Expires, err)
		}
		rec.Used, rec.Expires = used, expires
	}
	rec.Exact, rec.Expires = true, rec.Expires.Add(-time.Minute)
	updateTo(t, s, &rec, liveData("exact"))
	if got, err := s.Load(t.Context(), rec.ID); err != nil || !got.Expires.Equal(rec.Expires) {
		t.Errorf("Expires %v, want %v: %v", got.Expires, rec.Expires, err)
	}
	after, err := os.Stat(filePath(dir, rec.ID))
	check(t, err)
	if !os.SameFile(before, after) || before.Size() != after.Size() {
		t.Errorf("another file, of %d bytes, not of %d", after.Size(), before.Size())
	}
	for _, n := range []int{1000, maxArea, 3 * maxArea, 10} {
		updateTo(t, s, &rec, liveData(strings.Repeat("x", n)))
		wantData(t, s, &rec)
	}
	if names := sessionsOf(t, s, "alice"); !names[rec.ID] {
		t.Error("alice has lost it")
	}
}

// If the newer of two areas is damaged anywhere, every store finds the newer or the older state. If both are, the record
// is absent with SyncEnds and ErrCorrupt with SyncAll.
func TestDamagedArea(t *testing.T) {
	s, dir := endsStore(t)
	all := openStore(t, dir)
	rec, older := twice(t, s)
	file, good := filePath(dir, rec.ID), readFileOf(t, dir, rec.ID)
	size := len(good) / 2
	if n := int(be.Uint32(good[12:])); n != size {
		t.Fatalf("areas of %d bytes in a file of %d", n, len(good))
	}
	h, _, _ := newest(good)
	if h.other != 0 {
		t.Fatal("the newer area is the first one")
	}
	for at := size; at < size+h.size; at++ {
		b := bytes.Clone(good)
		b[at] ^= 0x10
		check(t, os.WriteFile(file, b, 0o600))
		want := &older
		if at-size >= 12 && at-size < bodyAt {
			want = &rec // the size counts in the first area, and one slot is left
		}
		wantData(t, s, want)
		wantData(t, all, want)
	}
	// What was damaged is written anew.
	again := older
	updateTo(t, s, &again, liveData("again"))
	wantData(t, s, &again)

	long := make([]byte, readSize) // a read of it does not tell whether the file ends there
	be.PutUint32(long[copy(long, good[:12]):], readSize/2)
	copy(long[16:], good[16:size])
	if _, _, ok := newest(long); ok {
		t.Error("a file that may go on after its areas is accepted")
	}

	b := bytes.Clone(good)
	b[headSize] ^= 1
	b[size+headSize] ^= 1
	check(t, os.WriteFile(file, b, 0o600))
	_, err := all.Load(t.Context(), rec.ID)
	wantError(t, err, driver.ErrCorrupt)
	wantError(t, all.Update(t.Context(), &rec), driver.ErrCorrupt)
	_, err = s.Load(t.Context(), rec.ID)
	wantError(t, err, driver.ErrNotFound)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lost session has a file: %v", err)
	}
}

// A writer that is killed in the middle of an Update leaves the former state, for every call, and the next Update works.
func TestUpdateInPlaceCutOff(t *testing.T) {
	s, dir := endsStore(t)
	rec, _ := twice(t, s)
	before := readFileOf(t, dir, rec.ID)
	next := rec
	updateTo(t, s, &next, liveData("next one"))
	after := readFileOf(t, dir, rec.ID)
	h, _, _ := newest(after)
	if len(after) != len(before) || h.other == 0 {
		t.Fatal("this Update does not write the first area")
	}
	for cut := range h.size {
		b := append(bytes.Clone(after[:cut]), before[cut:]...)
		check(t, os.WriteFile(filePath(dir, rec.ID), b, 0o600))
		got, err := s.Load(t.Context(), rec.ID)
		if err != nil || got.Version != rec.Version || string(got.Data) != string(rec.Data) {
			t.Fatalf("cut at %d: %d %q, %v", cut, got.Version, got.Data, err)
		}
		if all := found(t, s.All(t.Context())); !all[rec.ID] {
			t.Fatalf("cut at %d: not listed", cut)
		}
		check(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used.Add(time.Second), rec.Expires.Add(time.Second)))
		if got, err = s.Load(t.Context(), rec.ID); err != nil || !got.Used.Equal(rec.Used.Add(time.Second)) {
			t.Fatalf("cut at %d, touched: Used %v, %v", cut, got.Used, err)
		}
		update := rec
		updateTo(t, s, &update, liveData("next"))
		wantData(t, s, &update)
	}
}

// While one area is torn, nobody knows without the lock whether the other is the last record: two writers may have come
// since the read began.
func TestTornAreaIsReadUnderTheLock(t *testing.T) {
	ends, dir := endsStore(t)
	rec, older := twice(t, ends)
	b := readFileOf(t, dir, rec.ID)
	b[len(b)/2+headSize] ^= 1
	for _, s := range []*Store{ends, openStore(t, dir)} {
		check(t, os.WriteFile(filePath(dir, rec.ID), b, 0o600))
		l, err := s.lock(t.Context(), rec.ID[0])
		check(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err = s.Load(ctx, rec.ID)
		cancel()
		l.unlock()
		wantError(t, err, context.DeadlineExceeded)
		wantData(t, s, &older)
	}
}

// A torn area that nobody writes is emptied by the first Load, with one line in the log. The next ones need no lock.
func TestTornAreaIsEmptied(t *testing.T) {
	for name, damaged := range map[string]int{"the first area": 0, "the second area": 1} {
		t.Run(name, func(t *testing.T) {
			ends, dir := endsStore(t)
			rec, older := twice(t, ends)
			if damaged == 0 {
				older = rec
				updateTo(t, ends, &rec, liveData("newest"))
			}
			b := readFileOf(t, dir, rec.ID)
			b[damaged*len(b)/2+headSize] ^= 1
			check(t, os.WriteFile(filePath(dir, rec.ID), b, 0o600))
			var log bytes.Buffer
			s := openWith(t, dir, Config{Sync: SyncEnds, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			wantData(t, s, &older)
			l, err := s.lock(t.Context(), rec.ID[0])
			check(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			got, err := s.Load(ctx, rec.ID)
			l.unlock()
			if err != nil || got.Version != older.Version {
				t.Errorf("the next Load: version %d, want %d: %v", got.Version, older.Version, err)
			}
			if n := strings.Count(log.String(), "former state"); n != 1 {
				t.Errorf("%d lines, want 1: %s", n, log.String())
			}
			updateTo(t, s, &older, liveData("again"))
			wantData(t, s, &older)
		})
	}
}

// Readers beside a writer find every record whole, none missing, and no version after a later one.
func TestReadersBesideAWriter(t *testing.T) {
	s, dir := endsStore(t)
	b := openWith(t, dir, Config{Sync: SyncEnds})
	rec := newRecord("alice", liveData(string(make([]byte, 4000))))
	check(t, s.Create(t.Context(), rec))
	id, stop := rec.ID, time.Now().Add(2*time.Second)
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			reader, last := []*Store{s, b}[i%2], uint64(0)
			for n := 0; time.Now().Before(stop); n++ {
				got, err := reader.Load(t.Context(), id)
				if n%10 == 0 {
					for got, err = range reader.BySubject(t.Context(), "alice") {
						break
					}
				}
				text := string(got.Data)
				if err != nil || got.Version < last || len(text) < 3 || strings.Trim(text[2:], text[2:3]) != "" {
					t.Errorf("version %d after %d, %.20q, %v", got.Version, last, text, err)
					return
				}
				last = got.Version
			}
		})
	}
	n := 0
	for ; time.Now().Before(stop); n++ {
		updateTo(t, s, rec, liveData(strings.Repeat(string(rune('a'+n%26)), 3000+n%1000)))
		if n%3 == 0 {
			check(t, s.Touch(t.Context(), id, rec.Version, rec.Used.Add(time.Duration(n)), rec.Expires.Add(time.Duration(n))))
		}
	}
	readers.Wait()
	t.Logf("%d updates", n)
}

// Given a file with two areas, when its session ends or loses its user, or a Store with SyncAll updates it, then nothing
// of the older state is in its file. With SyncAll, and after the end, the file has one area, whose damage is seen.
func TestOlderAreaIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		sync  Sync
		clear bool
		data  string
		areas int
	}{
		"ended":   {SyncEnds, false, "\x01\x01over", 1},
		"cleared": {SyncEnds, true, liveData("visitor"), 2},
		"SyncAll": {SyncAll, false, liveData("next"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			first, dir := endsStore(t)
			rec, _ := twice(t, first)
			s := openWith(t, dir, Config{Sync: test.sync})
			if test.clear {
				rec.Subject = ""
			}
			updateTo(t, s, &rec, test.data)
			b := readFileOf(t, dir, rec.ID)
			if bytes.Contains(b, []byte("older")) || bytes.Contains(b, []byte("newer")) || test.clear && bytes.Contains(b, []byte("alice")) {
				t.Errorf("the file is %q", b)
			}
			wantData(t, s, &rec)
			if one := be.Uint32(b[12:]) == 0; one != (test.areas == 1) {
				t.Errorf("one area: %v, want %d", one, test.areas)
			}
			// And back: the other setting reads it and updates it.
			wantData(t, first, &rec)
			updateTo(t, first, &rec, liveData("back"))
			updateTo(t, first, &rec, liveData("in place"))
			wantData(t, s, &rec)
			if test.areas == 1 {
				check(t, os.WriteFile(filePath(dir, rec.ID), append(b[:len(b)-1], b[len(b)-1]^1), 0o600))
				_, err := openStore(t, dir).Load(t.Context(), rec.ID)
				wantError(t, err, driver.ErrCorrupt)
			}
		})
	}
}

// An expired record in two areas is swept, also if the area of an unfinished Update is torn.
func TestSweepOfTwoAreas(t *testing.T) {
	s, dir := endsStore(t)
	rec, _ := twice(t, s)
	b := readFileOf(t, dir, rec.ID)
	b[headSize] ^= 1 // of the older area
	check(t, os.WriteFile(filePath(dir, rec.ID), b, 0o600))
	check(t, os.RemoveAll(dir+"/"+subjectIndex))
	_, err := s.Sweep(t.Context(), 10)
	check(t, err)
	if got := sessionsOf(t, s, "alice"); !got[rec.ID] {
		t.Error("the marker was not made again")
	}
	s.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
	if n, err := s.Sweep(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
}

// newestIsPossible fails if newest finds something outside of b.
func newestIsPossible(t *testing.T, b []byte) {
	t.Helper()
	h, record, ok := newest(b)
	if !ok || h.area == 0 {
		return
	}
	if len(b) != 2*h.area || len(record) != h.size || h.other != 0 && h.other != int64(h.area) ||
		h.spare < int64(h.area)-h.other || h.spare >= int64(2*h.area)-h.other {
		t.Fatalf("impossible head %+v", h)
	}
	if _, ok := h.decode(record); !ok {
		t.Fatalf("a record that is not whole: %+v", h)
	}
}
