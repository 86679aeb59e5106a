package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var (
	errNotFound = fmt.Errorf("filestore: %w", driver.ErrNotFound)
	errExists   = fmt.Errorf("filestore: %w", driver.ErrExists)
	errConflict = fmt.Errorf("filestore: %w", driver.ErrConflict)
	errLimit    = fmt.Errorf("filestore: %w", driver.ErrLimit)
	errTooLarge = fmt.Errorf("filestore: %w: a subject or label has over %d bytes, there are over %d labels, or the data has over %d bytes",
		driver.ErrTooLarge, driver.MaxSubject, driver.MaxLabels, maxData)
)

// corrupt names the file, so that an administrator can look at it or remove it.
func corrupt(id driver.ID) error {
	return driver.Corrupt("filestore: " + fileName(id) + " in the folder is damaged")
}

// headError says why b is not the beginning of a record that this release can read.
func headError(id driver.ID, b []byte) error {
	if ofNewerFormat(b) {
		return driver.Unreadable("filestore: " + fileName(id) + " in the folder has a newer format")
	}
	return torn(id)
}

// unreadable reports whether err means that there is a file which this release cannot read. Only Delete changes such
// a file, because somebody may repair it, or a newer release can read it.
func unreadable(err error) bool {
	return errors.Is(err, driver.ErrCorrupt) || errors.Is(err, driver.ErrUnreadable)
}

// fail turns an error of the operating system or the context into ErrUnavailable. It returns nil and the other errors
// of the contract unchanged.
func fail(op string, err error) error {
	if err == nil || errors.Is(err, driver.ErrNotFound) || unreadable(err) {
		return err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		err = &fs.PathError{Op: link.Op, Path: link.New, Err: link.Err}
	}
	what := "filestore: " + op
	if todo := advice(err); todo != "" {
		what += " (" + todo + ")"
	}
	return driver.Unavailable(what, err)
}

// advice says what an administrator can do about err, or "".
func advice(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full: free some space or raise the quota"
	case errors.Is(err, syscall.EFBIG):
		return "the file size limit is reached: raise RLIMIT_FSIZE"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only: mount it for writing"
	case errors.Is(err, fs.ErrPermission):
		return "the folder must belong to this process's user, with mode 0700"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "too many open files: raise the limit, ulimit -n"
	case errors.Is(err, os.ErrClosed):
		return "the store was closed"
	case notAFolder(err):
		return "this is not a folder: move it away"
	case errors.Is(err, fs.ErrNotExist):
		return "the folder was removed while in use: restart to make it again"
	}
	return ""
}
