package core_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// After EraseSubject no file and no name of a file in the store's folder holds the user's name.
func TestEraseLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	m := newManager(t, core.Config{Store: made.Of(filestore.New(dir, filestore.Config{}))})
	const user = "alice@example.com"
	holds := func() (found []string) {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() && !strings.Contains(path, user) {
				return err
			}
			data, err := os.ReadFile(path)
			if bytes.Contains(data, []byte(user)) || strings.Contains(path, user) {
				found = append(found, path)
			}
			return err
		}))
		return found
	}
	b, _ := userOf(t, m, user)
	b.visit(func(s *core.Session) { must(t, s.Login(user)) }) // the session that it replaces keeps the name for a while
	userOf(t, m, "bob")
	if len(holds()) < 2 {
		t.Fatalf("before: %q", holds())
	}
	n, err := m.EraseSubject(ctx, user)
	if n != 1 || err != nil {
		t.Errorf("EraseSubject = %d, %v", n, err)
	}
	if left := holds(); left != nil {
		t.Errorf("left: %q", left)
	}
	if sessions(t, m) != 1 {
		t.Error("bob's session has gone, too")
	}
}
