package filestore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Something else may stand where a file or folder of ours should: a FIFO, which holds up whoever opens it, a
// socket, a device, a link. So each name is looked at before it is opened. What takes another's place in between
// is opened without waiting, and a file is looked at once more, since to read from a FIFO may last for ever, too.

// errNotAFile is a thing in the place of a record that is no file.
var errNotAFile = errors.New("no file")

// fileName is the path of a record inside the folder: "ab/cdef...".
func fileName(id driver.ID) string {
	s := id.String()
	return s[:2] + "/" + s[2:]
}

// openFile opens the record file of id. ErrCorrupt: something is in its place that is no file. It goes through the
// shard's open folder, which is quicker; what is not there is looked for by its whole path, because the
// folder may have been removed and made again since.
func (s *Store) openFile(id driver.ID, flag int) (*os.File, error) {
	sh, name := &s.shards[id[0]], fileName(id)
	dir := sh.dir.Load()
	if dir != nil {
		// Closed: another call has just found the folder made again, below.
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
		// Something may be in the place of its folder: a link that leads nowhere, in a circle or out of the store, say.
		if other := s.isFolder(name[:2]); notAFolder(other) {
			return nil, other
		}
		return nil, err
	}
	if fresh, err := s.root.OpenRoot(name[:2]); err == nil {
		if !sh.dir.CompareAndSwap(dir, fresh) {
			fresh.Close()
		} else if dir != nil {
			dir.Close()
		}
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

// openFolder opens a folder of ours. It follows no link.
func (s *Store) openFolder(name string) (*os.File, error) {
	if err := s.isFolder(name); err != nil {
		return nil, err
	}
	return s.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
}

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

// notAFolder reports that something is in the place of a folder, which ends no walk through the others.
func notAFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
