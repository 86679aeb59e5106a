//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package filestore

import (
	"os"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// syncsOf counts the files and folders that are synced meanwhile.
func syncsOf(call func()) (n int) {
	defer func(old func(*os.File) error) { fsync = old }(fsync)
	fsync = func(*os.File) error { n++; return nil }
	call()
	return n
}

// Each write costs its syncs and no more: the file, its folder, and the folder of each new marker. With SyncEnds only
// what ends a session is synced, and that as with SyncAll.
func TestSyncs(t *testing.T) {
	want := map[string][2]int{ // with SyncAll, with SyncEnds
		"Create":                {2, 0},
		"Create with a subject": {3, 0},
		"Update":                {2, 0},
		"Touch":                 {0, 0},
		"Update that ends":      {2, 2},
		"Delete":                {1, 1},
		"CreateLimited":         {4, 1}, // a Create with a subject, and a removal
	}
	for i, sync := range []Sync{SyncAll, SyncEnds} {
		s, _ := newStoreWith(t, Config{Sync: sync})
		ctx := t.Context()
		made := syncsOf(func() { // so that no folder is new
			for n := range shardCount {
				for _, folder := range []string{"", subjectIndex + "/", labelIndex + "/"} {
					dir, err := s.openDir(folder + shardName(byte(n)))
					check(t, err)
					dir.Close()
				}
			}
		})
		if (made == 0) != (sync == SyncEnds) {
			t.Errorf("Sync %d: making the folders syncs %d times", sync, made)
		}
		anonymous, alice := newRecord("", "\x01\x00"), newRecord("alice", "\x01\x00")
		next := newRecord("alice", "\x01\x00")
		copy(next.ID[16:], alice.ID[16:]) // of one application
		over := *newRecord("", "\x01\x01")
		if !driver.Ended(over.Data) {
			t.Fatal("this record has not ended")
		}
		for _, step := range []struct {
			name string
			call func() error
		}{
			{"Create", func() error { return s.Create(ctx, anonymous) }},
			{"Create with a subject", func() error { return s.Create(ctx, alice) }},
			{"Update", func() error { return s.Update(ctx, anonymous) }},
			{"Touch", func() error {
				return s.Touch(ctx, anonymous.ID, anonymous.Version, anonymous.Used, anonymous.Expires.Add(1e9))
			}},
			{"CreateLimited", func() error { _, err := s.CreateLimited(ctx, next, driver.Limit{Most: 1}); return err }},
			{"Update that ends", func() error {
				over.ID, over.Version = anonymous.ID, anonymous.Version
				return s.Update(ctx, &over)
			}},
			{"Delete", func() error { return s.Delete(ctx, next.ID) }},
		} {
			if n := syncsOf(func() { check(t, step.call()) }); n != want[step.name][i] {
				t.Errorf("Sync %d: %s syncs %d times, want %d", sync, step.name, n, want[step.name][i])
			}
		}
	}
}
