package filestore

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// damages are what a power failure makes of a file.
var damages = map[string]func(good []byte) []byte{
	"empty":        func([]byte) []byte { return nil },
	"in the head":  func(good []byte) []byte { return good[:headSize-1] },
	"in the data":  func(good []byte) []byte { return good[:len(good)-1] },
	"zeros":        func(good []byte) []byte { return make([]byte, len(good)) },
	"zeros at end": func(good []byte) []byte { return append(bytes.Clone(good[:len(good)-4]), 0, 0, 0, 0) },
	"garbage":      func(good []byte) []byte { return bytes.Repeat([]byte{0xa5}, len(good)) },
}

func damage(tb testing.TB, dir string, id driver.ID, how func([]byte) []byte) {
	tb.Helper()
	good, err := os.ReadFile(filePath(dir, id))
	check(tb, err)
	check(tb, os.WriteFile(filePath(dir, id), how(good), 0o600))
}

func logged() (Config, *bytes.Buffer) {
	var log bytes.Buffer
	return Config{Sync: SyncEnds, Logger: slog.New(slog.NewTextHandler(&log, nil))}, &log
}

func wantLines(tb testing.TB, log *bytes.Buffer, id driver.ID, n int) {
	tb.Helper()
	if text := log.String(); strings.Count(text, "\n") != n || strings.Count(text, fileName(id)) != n {
		tb.Errorf("logged %q, want %d lines about %s", text, n, fileName(id))
	}
}

// Given a file that a power failure has damaged, when any method comes to it, then with SyncEnds the record is absent,
// and one line is logged. With SyncAll it is ErrCorrupt.
func TestDamagedFileIsAbsent(t *testing.T) {
	methods := map[string]func(*testing.T, *Store, *driver.Record) error{
		"Load": func(t *testing.T, s *Store, rec *driver.Record) error {
			_, err := s.Load(t.Context(), rec.ID)
			return err
		},
		"Update": func(t *testing.T, s *Store, rec *driver.Record) error { return s.Update(t.Context(), rec) },
	}
	for what, how := range damages {
		for name, method := range methods {
			t.Run(what+"/"+name, func(t *testing.T) {
				config, log := logged()
				s, dir := newStoreWith(t, config)
				rec := create(t, s, "alice", "some data")
				damage(t, dir, rec.ID, how)
				all := openStore(t, dir)
				wantError(t, method(t, all, rec), driver.ErrCorrupt)
				for range 2 {
					wantError(t, method(t, s, rec), driver.ErrNotFound)
				}
				wantLines(t, log, rec.ID, 1)
				if got := sessionsOf(t, s, "alice"); len(got) != 0 {
					t.Errorf("alice has %v", got)
				}
				again := *rec
				check(t, s.Create(t.Context(), &again))
				_, err := s.Load(t.Context(), rec.ID)
				check(t, err)
			})
		}
	}
}

func TestDamagedFileInOtherMethods(t *testing.T) {
	config, log := logged()
	s, dir := newStoreWith(t, config)
	lost := func() *driver.Record {
		log.Reset()
		rec := create(t, s, "alice", "some data")
		damage(t, dir, rec.ID, damages["empty"])
		return rec
	}
	rec := lost()
	wantError(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Minute)), driver.ErrNotFound)
	wantLines(t, log, rec.ID, 1)

	rec = lost()
	check(t, s.Create(t.Context(), rec))
	wantLines(t, log, rec.ID, 1)
	check(t, s.Delete(t.Context(), rec.ID))

	rec = lost()
	check(t, s.Delete(t.Context(), rec.ID))
	wantLines(t, log, rec.ID, 0)

	rec = lost()
	if got := found(t, s.All(t.Context())); len(got) != 0 {
		t.Errorf("All gives %v", got)
	}
	wantLines(t, log, rec.ID, 0)
	_, err := s.Sweep(t.Context(), 1000)
	check(t, err)
	wantLines(t, log, rec.ID, 1)
	if _, err := os.Stat(filePath(dir, rec.ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Sweep the file is there: %v", err)
	}
}

func TestCheckSaysThatASessionIsLost(t *testing.T) {
	config, log := logged()
	s, dir := newStoreWith(t, config)
	rec := create(t, s, "", "some data")
	damage(t, dir, rec.ID, damages["in the data"])
	for range 2 {
		if got := problems(t, s, false); !strings.Contains(got[rec.ID], "the session is lost") {
			t.Errorf("without fix: %q", got)
		}
	}
	if got := problems(t, s, true); len(got) != 1 {
		t.Errorf("with fix: %q", got)
	}
	wantLines(t, log, rec.ID, 1)
	if got := problems(t, s, false); len(got) != 0 {
		t.Errorf("after the fix: %q", got)
	}
}

// Neither a record of a newer format nor something that is no file is a lost session.
func TestOthersAreNotLost(t *testing.T) {
	config, log := logged()
	s, dir := newStoreWith(t, config)
	newer, link := create(t, s, "", "data"), create(t, s, "", "data")
	setFormat(t, dir, newer.ID, format+1)
	check(t, os.Remove(filePath(dir, link.ID)))
	check(t, os.Mkdir(filepath.Join(filePath(dir, link.ID)), 0o700))
	_, err := s.Load(t.Context(), newer.ID)
	wantError(t, err, driver.ErrUnreadable)
	_, err = s.Load(t.Context(), link.ID)
	wantError(t, err, driver.ErrCorrupt)
	_, err = s.Sweep(t.Context(), 1000)
	check(t, err)
	for _, id := range []driver.ID{newer.ID, link.ID} {
		if _, err := os.Lstat(filePath(dir, id)); err != nil {
			t.Error(err)
		}
	}
	wantLines(t, log, newer.ID, 0)
}
