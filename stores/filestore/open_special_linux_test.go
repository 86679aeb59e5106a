package filestore

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// specials make things that are not regular files in the place of a file of the store.
var specials = map[string]func(tb testing.TB, path string){
	"fifo": func(tb testing.TB, path string) { check(tb, syscall.Mkfifo(path, 0o600)) },
	"fifo that somebody writes to": func(tb testing.TB, path string) {
		check(tb, syscall.Mkfifo(path, 0o600))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(tb, err)
		tb.Cleanup(func() { f.Close() })
	},
	"socket": func(tb testing.TB, path string) {
		// Bind takes names of up to 107 bytes only. Mknod makes the same file, without a process behind it.
		check(tb, syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0))
	},
	"folder": func(tb testing.TB, path string) { check(tb, os.Mkdir(path, 0o700)) },
	"folder that is not empty": func(tb testing.TB, path string) {
		check(tb, os.Mkdir(path, 0o700))
		check(tb, os.WriteFile(filepath.Join(path, "kept"), []byte("mine"), 0o600))
	},
	"device": func(tb testing.TB, path string) {
		if err := syscall.Mknod(path, syscall.S_IFCHR|0o600, 1<<8|3); err != nil { // /dev/null
			skipUnlessRoot(tb, "make a device node", err)
		}
	},
	"link to nothing":     func(tb testing.TB, path string) { check(tb, os.Symlink("nothing", path)) },
	"link to itself":      func(tb testing.TB, path string) { check(tb, os.Symlink(filepath.Base(path), path)) },
	"link to the outside": func(tb testing.TB, path string) { check(tb, os.Symlink("/dev/null", path)) },
	"link to a record": func(tb testing.TB, path string) {
		check(tb, os.Rename(path+"-away", path+"-moved"))
		check(tb, os.Symlink(filepath.Base(path)+"-moved", path))
	},
}

// replaced moves path away and puts a special thing in its place.
func replaced(t *testing.T, path string, with func(testing.TB, string)) {
	t.Helper()
	check(t, os.Rename(path, path+"-away"))
	with(t, path)
}

// Given something that is not a file in the place of a record, then every call answers at once: the record is damaged,
// walks go past it, Delete removes it, and the ID is free again.
func TestSpecialRecord(t *testing.T) {
	for name, with := range specials {
		t.Run(name, func(t *testing.T) {
			s, dir := newStore(t)
			rec, other := newRecord("alice", "data"), newRecord("alice", "other")
			other.ID[0] = rec.ID[0]
			check(t, s.Create(t.Context(), rec))
			check(t, s.Create(t.Context(), other))
			path := filePath(dir, rec.ID)
			replaced(t, path, with)
			for _, s := range []*Store{s, openStore(t, dir)} { // with the folder open, and not
				soon(t, "Load", func() {
					_, err := s.Load(t.Context(), rec.ID)
					wantError(t, err, driver.ErrCorrupt)
				})
				soon(t, "Update", func() { wantError(t, s.Update(t.Context(), rec), driver.ErrCorrupt) })
				soon(t, "Touch", func() {
					wantError(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)), driver.ErrCorrupt)
				})
				soon(t, "Create", func() {
					if err := s.Create(t.Context(), newCopy(rec)); err == nil {
						t.Error("Create of a record that is there")
					}
				})
				soon(t, "Sweep", func() {
					n, err := s.Sweep(t.Context(), 100)
					if check(t, err); n != 0 {
						t.Errorf("swept %d", n)
					}
				})
				soon(t, "the walks", func() {
					onlyThenCorrupt(t, s, other)
				})
			}
			soon(t, "Delete", func() { check(t, s.Delete(t.Context(), rec.ID)) })
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("after Delete: %v", err)
			}
			_, err := s.Load(t.Context(), rec.ID)
			wantError(t, err, driver.ErrNotFound)
			check(t, s.Delete(t.Context(), rec.ID))
			check(t, s.Create(t.Context(), rec))
			if got := len(sessionsOf(t, s, "alice")); got != 2 {
				t.Errorf("%d sessions, want 2", got)
			}
			if name == "folder that is not empty" {
				if kept, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*", "kept")); len(kept) != 1 {
					t.Errorf("what was in the folder: %v", kept)
				}
			}
		})
	}
}

func newCopy(rec *driver.Record) *driver.Record { c := *rec; return &c }

// onlyThenCorrupt fails unless each walk yields want, and then ErrCorrupt.
func onlyThenCorrupt(t *testing.T, s *Store, want *driver.Record) {
	t.Helper()
	for name, walk := range map[string]func(func(driver.Record, error) bool){
		"All": s.All(t.Context()), "BySubject": s.BySubject(t.Context(), "alice"),
	} {
		n, last := 0, error(nil)
		for rec, err := range walk {
			if last = err; err == nil {
				if n++; rec.ID != want.ID {
					t.Errorf("%s: %v", name, rec.ID)
				}
			}
		}
		if n != 1 || !errors.Is(last, driver.ErrCorrupt) {
			t.Errorf("%s: %d records, then %v", name, n, last)
		}
	}
}

// Given something that is not a folder in the place of a folder of the store, then calls that need it answer
// ErrUnavailable at once and name the way out. The other folders are swept and listed.
func TestSpecialFolder(t *testing.T) {
	for name, with := range specials {
		if name == "folder" || name == "folder that is not empty" {
			continue
		}
		if name == "link to a record" {
			name, with = "file", func(tb testing.TB, path string) { check(tb, os.WriteFile(path, nil, 0o600)) }
		}
		for _, place := range []string{"records", "index"} {
			t.Run(name+" for "+place, func(t *testing.T) {
				s, dir := newStore(t)
				rec, other := newRecord("alice", "data"), newRecord("bob", "other")
				rec.ID[0], other.ID[0] = 7, 8
				check(t, s.Create(t.Context(), rec))
				check(t, s.Create(t.Context(), other))
				broken := shardName(7)
				if place == "index" {
					broken = subjectIndex + "/" + shardName(7)
				}
				check(t, os.MkdirAll(filepath.Join(dir, broken), 0o700))
				replaced(t, filepath.Join(dir, broken), with)
				s = openStore(t, dir)
				says := func(what string, call func() error) {
					t.Helper()
					soon(t, what, func() {
						if err := faulty(call(), syscall.ENOTDIR, "not a folder"); err != nil {
							t.Errorf("%s: %v", what, err)
						}
					})
				}
				says("Update", func() error { return s.Update(t.Context(), rec) })
				says("Delete", func() error { return s.Delete(t.Context(), rec.ID) })
				says("Create", func() error {
					fresh := newRecord("", "data")
					fresh.ID[0] = 7
					return s.Create(t.Context(), fresh)
				})
				soon(t, "Load", func() {
					_, err := s.Load(t.Context(), rec.ID)
					if errors.Is(err, driver.ErrNotFound) || place == "records" && !errors.Is(err, driver.ErrUnavailable) {
						t.Errorf("Load: %v", err)
					}
				})
				says("All", func() (last error) {
					seen := false
					for rec, err := range s.All(t.Context()) {
						seen, last = seen || rec.ID == other.ID, err
					}
					if !seen {
						t.Error("All ends before the folders behind the broken one")
					}
					return last
				})
				s.now = func() time.Time { return time.Now().Add(1000 * time.Hour) }
				says("Sweep", func() error {
					n, err := s.Sweep(t.Context(), 100)
					if n != 1 {
						t.Errorf("swept %d", n)
					}
					return err
				})
			})
		}
	}
}

// Given something that is not a file in the place of a marker, then its name still marks the record.
func TestSpecialMarker(t *testing.T) {
	for name, with := range specials {
		if name == "link to a record" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, dir := newStore(t)
			rec := newRecord("alice", "data")
			marker := filepath.Join(dir, filepath.FromSlash(entry{subjectIndex, "alice"}.marker(rec.ID)))
			check(t, os.MkdirAll(filepath.Dir(marker), 0o700))
			with(t, marker)
			soon(t, "Create", func() { check(t, s.Create(t.Context(), rec)) })
			if !sessionsOf(t, s, "alice")[rec.ID] {
				t.Error("not found by its subject")
			}
			soon(t, "Delete", func() { check(t, s.Delete(t.Context(), rec.ID)) })
			soon(t, "BySubject", func() {
				if n := len(sessionsOf(t, s, "alice")); n != 0 {
					t.Errorf("%d sessions after Delete", n)
				}
			})
		})
	}
}

// Given something that is not a folder in the place of the store's own folder, then New refuses it at once.
func TestNewOnSpecial(t *testing.T) {
	for name, with := range specials {
		if name == "folder" || name == "folder that is not empty" || name == "link to a record" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "sessions")
			with(t, dir)
			soon(t, "New", func() {
				if s, err := New(dir, Config{}); err == nil {
					s.Close()
					t.Error("accepted")
				}
			})
		})
	}
}
