//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A link to the outside, in the place of a file or a folder, is neither read nor written through. A link to another
// record does not count as this record.
func TestLinks(t *testing.T) {
	s, dir := newStore(t)
	rec := create(t, s, "", "data")
	file := filePath(dir, rec.ID)
	outside := filepath.Join(t.TempDir(), "outside")
	b, err := os.ReadFile(file)
	check(t, err)
	check(t, os.WriteFile(outside, b, 0o600))
	other := create(t, s, "", "other")

	attack := func(link, target string) {
		t.Helper()
		check(t, os.Rename(link, link+"-away"))
		check(t, os.Symlink(target, link))
		s := openStore(t, dir) // none of the folders is open yet
		_, err := s.Load(t.Context(), rec.ID)
		for name, err := range map[string]error{
			"Load": err, "Update": s.Update(t.Context(), rec), "Touch": s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)),
		} {
			if err == nil || strings.Contains(err.Error(), driver.ErrNotFound.Error()) {
				t.Errorf("%s through a link to %s: %v", name, target, err)
			}
		}
		check(t, os.Remove(link))
		check(t, os.Rename(link+"-away", link))
	}
	attack(file, outside)
	attack(file, filePath(dir, other.ID))
	attack(filepath.Dir(file), filepath.Dir(outside))
	after, err := os.ReadFile(outside)
	check(t, err)
	if string(after) != string(b) {
		t.Error("the file outside was written to")
	}
	_, err = s.Load(t.Context(), rec.ID)
	check(t, err)

	// Delete removes the link, and not its target.
	check(t, os.Remove(file))
	check(t, os.Symlink(outside, file))
	check(t, s.Delete(t.Context(), rec.ID))
	if _, err := os.Lstat(outside); err != nil {
		t.Errorf("Delete followed the link: %v", err)
	}
}
