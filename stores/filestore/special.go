package filestore

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// Something else may stand where a file or folder of ours should: a FIFO, which holds up whoever opens it, a
// socket, a device, a link. So each name is looked at before it is opened. What takes another's place in between
// is opened without waiting, and a file is looked at once more, since to read from a FIFO may last for ever, too.

// errNoFile is a thing in the place of a record that is no file.
var errNoFile = errors.New("no file")

// openFileIn opens a file. It follows no link.
func openFileIn(dir *os.Root, name string, flag int) (*os.File, error) {
	info, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNoFile
	}
	f, err := dir.OpenFile(name, flag|nonblock, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNoFile
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

// noFolder reports that something is in the place of a folder, which ends no walk through the others.
func noFolder(err error) bool { return errors.Is(err, syscall.ENOTDIR) }
