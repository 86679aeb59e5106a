//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd)

package filestore

import (
	"io/fs"
	"os"
)

// tryLock locks nothing: on these systems only one Store, in one process, may use a folder (see the package comment).
func tryLock(*os.File) (bool, error) { return true, nil }

func unlock(*os.File) {}

// syncDir does nothing: Windows cannot sync a folder, and its journal keeps the names.
func syncDir(*os.File) error { return nil }

// checkPrivate accepts every folder: on these systems the mode bits do not say who may read it.
func checkPrivate(fs.FileInfo) error { return nil }
