package filestore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Something else may be in the place of a file or folder of the store: a socket, a device, a link, or a FIFO, which
// makes the process that opens it wait. So each name is checked before it is opened. It may be replaced between the
// check and the opening. So it is opened without waiting, and a file is checked again, because a read from a FIFO may
// wait for ever, too.

// errNotAFile means that something is in the place of a record that is not a regular file.
var errNotAFile = errors.New("not a regular file")

// fileName is the path of a record inside the folder: "ab/cdef...".
func fileName(id driver.ID) string {
	s := id.String()
	return s[:2] + "/" + s[2:]
}

// openFile opens the record file of id. ErrCorrupt: what is in its place is not a file. It uses the shard's open
// folder, which is faster. If that does not have the file, it tries the whole path, because the folder may have been
// removed and made again.
func (s *Store) openFile(id driver.ID, flag int) (*os.File, error) {
	sh, name := &s.shards[id[0]], fileName(id)
	dir := sh.dir.Load()
	if dir != nil {
		// ErrClosed: another call has just replaced the open folder, below.
		if f, err := openFileIn(dir, name[3:], flag); err == errNotAFile {
			return nil, corrupt(id)
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrClosed) {
			return f, err
		}
	}
	f, err := openFileIn(s.root, name, flag)
	switch {
	case err == errNotAFile:
		return nil, corrupt(id)
	case err != nil:
		// Something else may be in the place of the folder, such as a link that leads nowhere, to itself or outside.
		if other := s.isFolder(name[:2]); notAFolder(other) {
			return nil, other
		}
		return nil, err
	}
	if fresh, err := s.root.OpenRoot(name[:2]); err == nil {
		if !sh.dir.CompareAndSwap(dir, fresh) {
			fresh.Close()
		} // else the garbage collector closes dir, which others may use
	}
	return f, nil
}

// openFileIn opens a file. It follows no link.
func openFileIn(dir *os.Root, name string, flag int) (*os.File, error) {
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotAFile
	}
	f, err := dir.OpenFile(name, flag|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNotAFile
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// openFolder opens a folder of the store. It follows no link.
func (s *Store) openFolder(name string) (*os.File, error) {
	if err := s.isFolder(name); err != nil {
		return nil, err
	}
	return s.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
}

// isFolder returns an error unless name is a folder.
func (s *Store) isFolder(name string) error {
	info, err := s.root.Lstat(name)
	if err != nil {
		return err
	}
	return isFolder(info, name)
}

func isFolder(info fs.FileInfo, name string) error {
	if !info.IsDir() {
		return &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return nil
}

// notAFolder reports whether something else is in the place of a folder. A walk goes on with the other folders then.
func notAFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
