//go:build darwin || linux

package filestore

import (
	"io/fs"
	"os"
	"syscall"
)

// spaceOf asks the file system of an open folder. It counts the space that this user may use.
func spaceOf(dir *os.File) (sp space, known bool, err error) {
	var st syscall.Statfs_t
	if err := syscall.Fstatfs(int(dir.Fd()), &st); err != nil {
		return space{}, false, &fs.PathError{Op: "statfs", Path: dir.Name(), Err: err}
	}
	block := uint64(st.Bsize)
	return space{free: st.Bavail * block, total: st.Blocks * block, inodes: st.Ffree, nodes: st.Files}, true, nil
}
