//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestNewRefuses(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	check(t, os.WriteFile(file, nil, 0o600))
	open := filepath.Join(base, "open")
	check(t, os.Mkdir(open, 0o755))
	for name, c := range map[string]struct{ dir, says string }{
		"no name":                 {"", "name a folder"},
		"a file":                  {file, "not a directory"},
		"a folder inside a file":  {filepath.Join(file, "sessions"), "not a directory"},
		"a folder open to others": {open, "chmod 700"},
	} {
		s, err := New(c.dir, Config{})
		if err == nil {
			s.Close()
			t.Errorf("%s: accepted", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), "filestore: ") || !strings.Contains(err.Error(), c.dir) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %q", name, err)
		}
	}
	if info, err := os.Stat(open); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("the mode was changed: %v %v", info.Mode(), err)
	}
	// The way out that the message names works.
	openStore(t, filepath.Join(open, "sessions"))
}

// The modes are 0700 and 0600 under every umask.
func TestModes(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		base := t.TempDir()
		old := syscall.Umask(umask)
		s, err := New(filepath.Join(base, "sessions"), Config{})
		if err == nil {
			defer s.Close()
			rec := newRecord("alice", "data")
			rec.Labels = []string{"admin"}
			err = s.Create(t.Context(), rec)
		}
		syscall.Umask(old)
		check(t, err)
		files := 0
		check(t, filepath.WalkDir(filepath.Join(base, "sessions"), func(name string, d fs.DirEntry, err error) error {
			check(t, err)
			info, err := d.Info()
			check(t, err)
			want := fs.FileMode(0o700)
			if !d.IsDir() {
				want = 0o600
				files++
			}
			if info.Mode().Perm() != want {
				t.Errorf("umask %03o: %s has mode %04o, want %04o", umask, name, info.Mode().Perm(), want)
			}
			return nil
		}))
		if files != 3 {
			t.Errorf("umask %03o: %d files, want a record and two markers", umask, files)
		}
	}
}

// Foreign files stay, and disturb nothing.
func TestForeignFiles(t *testing.T) {
	s, dir := newStore(t)
	rec := create(t, s, "alice", "data")
	shard := filepath.Dir(filePath(dir, rec.ID))
	foreign := []string{
		filepath.Join(dir, "README"), filepath.Join(shard, "notes.txt"), filepath.Join(shard, strings.Repeat("A", 62)),
		filepath.Join(shard, strings.Repeat("a", 61)), filepath.Join(shard, ".hidden"),
	}
	old := time.Now().Add(-1000 * time.Hour)
	for _, name := range foreign {
		check(t, os.WriteFile(name, []byte("mine"), 0o644))
		check(t, os.Chtimes(name, old, old))
	}
	folder := filepath.Join(shard, strings.Repeat("b", 61)+"x")
	check(t, os.Mkdir(folder, 0o755))
	fifo := filepath.Join(shard, tempPrefix+"c")
	check(t, syscall.Mkfifo(fifo, 0o600))

	n := 0
	for _, err := range s.All(t.Context()) {
		check(t, err)
		n++
	}
	if n != 1 {
		t.Errorf("All gave %d records, want 1", n)
	}
	s.now = func() time.Time { return time.Now().Add(1000 * time.Hour) }
	removed, err := s.Sweep(t.Context(), 100)
	check(t, err)
	if removed != 1 {
		t.Errorf("swept %d, want 1", removed)
	}
	for _, name := range append(foreign, folder, fifo) {
		if _, err := os.Lstat(name); err != nil {
			t.Errorf("foreign file: %v", err)
		}
	}
}

// Each folder that gets an entry is synced, so that a power failure does not remove what New has made.
func TestNewSyncsAllThatItMakes(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "var", "shop", "sessions")
	want := []string{filepath.Join(base, "var", "shop"), filepath.Join(base, "var"), base}
	if got := parentsOfNew(dir + "/"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	openStore(t, dir)
	if got := parentsOfNew(dir); got != nil {
		t.Errorf("made already: %q", got)
	}
}
