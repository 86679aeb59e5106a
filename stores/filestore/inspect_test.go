package filestore

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func findings(tb testing.TB, s *Store) map[string]driver.Finding {
	tb.Helper()
	found, err := s.Inspect(tb.Context())
	check(tb, err)
	all := map[string]driver.Finding{}
	for _, f := range found {
		all[f.Name] = f
	}
	return all
}

// A folder in order gives no warning. One that others may enter, and one whose file system has another time, do.
func TestInspect(t *testing.T) {
	s, dir := newStore(t)
	all := findings(t, s)
	if all["clock"].Warning != "" || !strings.HasPrefix(all["clock"].Value, "agrees") || all["folder mode"].Warning != "" {
		t.Errorf("%+v", all)
	}
	if f := all["synced to the disk"]; f.Value != "each write" || f.Warning != "" {
		t.Errorf("%+v", f)
	}
	if _, ok := all["free space"]; ok != (runtime.GOOS == "linux" || runtime.GOOS == "darwin") {
		t.Errorf("%+v", all)
	}
	s.now = func() time.Time { return time.Now().Add(time.Minute) }
	if f := findings(t, s)["clock"]; !strings.Contains(f.Value, "behind") || !strings.Contains(f.Warning, "NTP") {
		t.Errorf("%+v", f)
	}
	if runtime.GOOS == "windows" {
		return
	}
	check(t, os.Chmod(dir, 0o755))
	if f := findings(t, s)["folder mode"]; f.Value != "0755" || !strings.Contains(f.Warning, "chmod 700") {
		t.Errorf("%+v", f)
	}
	entries, err := os.ReadDir(dir + "/00")
	check(t, err)
	if len(entries) > 0 {
		t.Errorf("Inspect has left %v behind", entries)
	}
}

// Little room is a warning only if it is a small part and a small amount.
func TestInspectRoom(t *testing.T) {
	for _, c := range []struct {
		space        space
		disk, inodes bool
	}{
		{space{free: 900 << 20, total: 100 << 30, inodes: 10, nodes: 1000}, true, true},
		{space{free: 900 << 20, total: 1 << 30, inodes: 500, nodes: 1000}, false, false},
		{space{free: 50 << 30, total: 1 << 50, inodes: 1 << 20, nodes: 1 << 40}, false, false},
		{space{free: 0, total: 1 << 30}, true, false},
	} {
		found := c.space.findings()
		if (found[0].Warning != "") != c.disk {
			t.Errorf("%+v: %+v", c, found)
		}
		if len(found) > 1 != (c.space.nodes > 0) || len(found) > 1 && (found[1].Warning != "") != c.inodes {
			t.Errorf("%+v: %+v", c, found)
		}
	}
}
