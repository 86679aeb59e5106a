package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { roles["read-only"] = readOnlyRole }

// readOnlyRole runs as a user who is not root, so that permissions count.
func readOnlyRole(dir, _ string) error {
	if os.Geteuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	s, err := New(dir, Config{})
	if err != nil {
		return err
	}
	ctx := context.Background()
	rec, old := newRecord("", "data"), newRecord("", "data")
	rec.ID, old.ID = driver.ID{2}, driver.ID{2, 2}
	if err := s.Create(ctx, old); err != nil {
		return err
	}
	shard := filepath.Join(dir, shardName(2))
	if err := os.Chmod(shard, 0o500); err != nil {
		return err
	}
	for _, err := range []error{s.Create(ctx, rec), s.Update(ctx, old), s.Delete(ctx, old.ID)} {
		if err := faulty(err, fs.ErrPermission, "mode 0700"); err != nil {
			return err
		}
	}
	if _, err := s.Load(ctx, old.ID); err != nil {
		return fmt.Errorf("reading needs no writing: %w", err)
	}
	// A folder that cannot be read is not "not found".
	if err := os.Chmod(shard, 0); err != nil {
		return err
	}
	if s, err = New(dir, Config{}); err != nil {
		return err
	}
	_, err = s.Load(ctx, old.ID)
	if err := faulty(err, fs.ErrPermission, "mode 0700"); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(dir, shardName(0)), 0o500); err != nil {
		return err
	}
	if _, err = New(dir, Config{}); err == nil || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), dir) {
		return fmt.Errorf("New on a folder that cannot be written: %v", err)
	}
	return nil
}

func TestReadOnlyFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	check(t, os.Mkdir(dir, 0o700))
	if os.Geteuid() == 0 {
		check(t, os.Chown(dir, 65534, 65534))
		_, err := New(dir, Config{})
		if err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
			t.Errorf("New on a folder of another user: %v", err)
		}
	}
	run(t, "read-only", dir, "")
}
