//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd

package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// tryLock locks an open folder, or returns false if somebody else has the lock. It locks the folder and not a lock
// file, because a clean-up job might remove a lock file while it is in use.
func tryLock(dir *os.File) (bool, error) {
	err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		return false, nil
	}
	return false, &fs.PathError{Op: "flock", Path: dir.Name(), Err: err}
}

// unlock does what the end of the process would do, too.
func unlock(dir *os.File) { syscall.Flock(int(dir.Fd()), syscall.LOCK_UN) }

func syncDir(dir *os.File) error { return fsync(dir) }

// checkPrivate refuses a folder whose sessions another user could read.
func checkPrivate(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("other users may enter it (mode %04o): run chmod 700 on it, or name a folder inside it that does not exist yet", mode)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, and this process runs as user %d: change its owner, or run as that user", stat.Uid, os.Geteuid())
	}
	return nil
}
