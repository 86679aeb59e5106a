package adopt_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
)

const id = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIYTEMZUGU3D"

// folder returns settings for a folder in which one session is stored.
func folder(t *testing.T) (adopt.Gorilla, string) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "session_"+id), []byte(write(t, "old", alice)), 0o600))
	c := settings()
	c.Files = dir
	return c, dir
}

func TestFiles(t *testing.T) {
	c, dir := folder(t)
	a := made.Of(adopt.NewGorilla(c))
	cookies := present("old", write(t, "old", id))
	found := made.Of(a.Adopt(ctx, cookies))
	if found == nil || found.Subject != "alice" {
		t.Fatalf("adopted %+v", found)
	}
	must(t, found.Taken(ctx))
	takenBefore(t, found)
	if left := made.Of(os.ReadDir(dir)); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if subject(t, a, cookies) != "" {
		t.Error("adopted after Taken")
	}
}

// A request of the old application that is late writes the file once more.
func TestAFileThatComesBack(t *testing.T) {
	c, dir := folder(t)
	c.TakenIn = newStore(nil)
	a := made.Of(adopt.NewGorilla(c))
	cookies := present("old", write(t, "old", id))
	must(t, made.Of(a.Adopt(ctx, cookies)).Taken(ctx))
	must(t, os.WriteFile(filepath.Join(dir, "session_"+id), []byte(write(t, "old", alice)), 0o600))
	if subject(t, a, cookies) != "" {
		t.Error("adopted after Taken")
	}
}

// The MAC covers the ID. Should the key be known to somebody, they still reach no other file.
func TestNoWayOutOfTheFolder(t *testing.T) {
	c, dir := folder(t)
	a := made.Of(adopt.NewGorilla(c))
	outside := filepath.Join(filepath.Dir(dir), "session_x")
	must(t, os.WriteFile(outside, []byte(write(t, "old", alice)), 0o600))
	t.Cleanup(func() { _ = os.Remove(outside) })
	must(t, os.Symlink(outside, filepath.Join(dir, "session_link")))
	must(t, os.MkdirAll(filepath.Join(dir, "session_dir", "x"), 0o700))
	for _, bad := range []string{"", "/x", "../session_x", "x/../../session_x", "dir/x", "dir", ".", "..", "a\x00b", `..\x`, strings.Repeat("A", 129)} {
		if subject(t, a, present("old", write(t, "old", bad))) != "" {
			t.Errorf("%q was read", bad)
		}
	}
	if found, err := a.Adopt(ctx, present("old", write(t, "old", "link"))); found != nil {
		t.Errorf("a link out of the folder was read: %v", err)
	}
	must(t, made.Of(a.Adopt(ctx, present("old", write(t, "old", id)))).Taken(ctx))
	made.Of(os.Stat(outside))
}

func TestFilesThatAreNoSession(t *testing.T) {
	c, dir := folder(t)
	c.MaxSize = 2000
	a := made.Of(adopt.NewGorilla(c))
	genuine := write(t, "old", alice)
	for name, data := range map[string]string{
		"empty": "", "truncated": genuine[:len(genuine)/2], "another key's": write(t, "old", alice, blockKey, hashKey),
	} {
		must(t, os.WriteFile(filepath.Join(dir, "session_"+id), []byte(data), 0o600))
		if subject(t, a, present("old", write(t, "old", id))) != "" {
			t.Errorf("%s: taken over", name)
		}
	}
	large := write(t, "old", map[any]any{"user": "alice", "x": strings.Repeat("x", 2000)})
	must(t, os.WriteFile(filepath.Join(dir, "session_"+id), []byte(large), 0o600))
	if _, err := a.Adopt(ctx, present("old", write(t, "old", id))); err == nil || !strings.Contains(err.Error(), "MaxSize is 2000") {
		t.Errorf("a large file: %v", err)
	}
}

// A folder that is gone may be one that is not mounted.
func TestAFolderThatIsGone(t *testing.T) {
	c, dir := folder(t)
	a := made.Of(adopt.NewGorilla(c))
	cookies := present("old", write(t, "old", id))
	found := made.Of(a.Adopt(ctx, cookies))
	must(t, os.Remove(filepath.Join(dir, "session_"+id)))
	must(t, os.MkdirAll(filepath.Join(dir, "session_"+id, "x"), 0o700))
	if err := found.Taken(ctx); err == nil || strings.Contains(err.Error(), id) {
		t.Errorf("a file that cannot be removed: %v", err)
	}
	must(t, os.RemoveAll(dir))
	_, err := a.Adopt(ctx, cookies)
	for call, err := range map[string]error{"Adopt": err, "Taken": found.Taken(ctx)} {
		if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v", call, err)
		}
	}
}
