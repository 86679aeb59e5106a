//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package filestore

import (
	"io/fs"
	"os"
)

// tryLock has nothing to lock with here: one Store in one process, as the package
// comment says.
func tryLock(*os.File) (bool, error) { return true, nil }

// syncDir does nothing: Windows cannot sync a folder, and journals its names.
func syncDir(*os.File) error { return nil }

// checkPrivate accepts every folder: who may read it is not in the mode bits here.
func checkPrivate(fs.FileInfo) error { return nil }
