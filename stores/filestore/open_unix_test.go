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

// A link to the outside is neither read nor written through, in the place of a file
// and in that of a folder. One to another record does not pass for this one.
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

	// Delete takes the link away, not what it points to.
	check(t, os.Remove(file))
	check(t, os.Symlink(outside, file))
	check(t, s.Delete(t.Context(), rec.ID))
	if _, err := os.Lstat(outside); err != nil {
		t.Errorf("Delete followed the link: %v", err)
	}
}
