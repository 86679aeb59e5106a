package filestore

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/inspect"
)

// Inspect implements driver.Inspector: Config.Sync, the mode of the folder, the free space and the free inodes of its file system
// (Linux and macOS), and whether a file that is written now gets the time of this process. On a local file system it
// always does. It writes a small temporary file and removes it.
func (s *Store) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	if err := ctx.Err(); err != nil {
		return nil, fail("inspect", err)
	}
	dir, err := s.openDir(".")
	if err != nil {
		return nil, fail("inspect", err)
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil {
		return nil, fail("inspect", err)
	}
	mode := driver.Finding{Name: "folder mode", Value: fmt.Sprintf("%04o", info.Mode().Perm())}
	if err := checkPrivate(info); err != nil {
		mode.Warning = err.Error()
	}
	sync := driver.Finding{Name: "synced to the disk", Value: "each write"}
	if s.sync == SyncEnds {
		sync.Value = "what ends a session; a power failure may take other changes of the last half minute"
	}
	found = append(found, mode, sync)
	disk, err := room(dir)
	if err != nil {
		return found, fail("inspect", err)
	}
	clock, err := s.fileClock()
	if err != nil {
		return append(found, disk...), fail("inspect", err)
	}
	return append(append(found, disk...), clock), nil
}

// fileClock compares the time of a new file with ours.
func (s *Store) fileClock() (driver.Finding, error) {
	sent := s.now()
	info, err := s.probe()
	if err != nil {
		return driver.Finding{}, err
	}
	received := s.now()
	return inspect.Clock("clock", info.ModTime(), time.Second, sent, received), nil
}

// space is what statfs tells of a file system.
type space struct {
	free, total   uint64 // bytes
	inodes, nodes uint64 // free, and all; 0: the file system does not count them
}

// The least room that gives no warning, if it is less than a tenth of all.
const (
	leastFree   = 1 << 30
	leastInodes = 100_000
)

func room(dir *os.File) ([]driver.Finding, error) {
	sp, known, err := spaceOf(dir)
	if err != nil || !known {
		return nil, err
	}
	return sp.findings(), nil
}

func (sp space) findings() []driver.Finding {
	disk := driver.Finding{Name: "free space", Value: inspect.Size(sp.free) + " of " + inspect.Size(sp.total)}
	if sp.free < leastFree && inspect.NearlyFull(sp.total-sp.free, sp.total) {
		disk.Warning = "on a full disk nobody can sign in: free some space"
	}
	if sp.nodes == 0 {
		return []driver.Finding{disk}
	}
	inodes := driver.Finding{Name: "free inodes", Value: strconv.FormatUint(sp.inodes, 10) + " of " + strconv.FormatUint(sp.nodes, 10)}
	if sp.inodes < leastInodes && inspect.NearlyFull(sp.nodes-sp.inodes, sp.nodes) {
		inodes.Warning = "each session is a file and takes one, and each of its names in the index another: " +
			"without any, nobody can sign in: remove files, or use a file system with more"
	}
	return []driver.Finding{disk, inodes}
}
