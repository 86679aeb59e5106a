package filestore

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

func shardName(n byte) string { return hex.EncodeToString([]byte{n}) }

// makeFolder makes dir if it does not exist, and sets the mode only then. It does not change the mode of a folder
// that exists: prepare refuses that folder if other users can read it.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil {
		return isFolder(info, dir) // to open a FIFO could take for ever
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parents := parentsOfNew(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return err
	}
	for _, name := range parents {
		if err := syncParent(name); err != nil {
			return err
		}
	}
	return nil
}

// parentsOfNew returns the folders that get a new entry when dir and its missing parents are made. Each must be
// synced. Otherwise a power failure may remove dir and everything in it.
func parentsOfNew(dir string) (parents []string) {
	for dir = filepath.Clean(dir); ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return parents
		}
		parents = append(parents, filepath.Dir(dir))
	}
}

// syncParent syncs a folder. It skips a folder that the process may enter but not read.
func syncParent(name string) error {
	parent, err := os.Open(name)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	return syncDir(parent)
}

// prepare checks that the folder is private, and that it can be written and locked.
func (s *Store) prepare() error {
	info, err := s.root.Stat(".")
	if err != nil {
		return err
	}
	if err := checkPrivate(info); err != nil {
		return err
	}
	dir, err := s.openDir(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	if _, err := tryLock(dir); err != nil {
		return fmt.Errorf("the file system must support locks: %w", err)
	}
	info, err = s.probe()
	if err != nil {
		return err
	}
	s.chmod = info.Mode()&0o600 != 0o600
	return nil
}

// probe writes a temporary file and removes it.
func (s *Store) probe() (fs.FileInfo, error) {
	dir, err := s.openDir(shardName(0))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name, err := s.writeTemp(s.root, shardName(0)+"/", make([]byte, headSize), false)
	if err != nil {
		return nil, err
	}
	info, err := s.root.Lstat(name)
	return info, errors.Join(err, s.root.Remove(name))
}

// openDir opens a folder of the store, and makes it if it does not exist: at its first use, or after somebody has
// emptied the store's folder.
func (s *Store) openDir(name string) (*os.File, error) {
	dir, err := s.openFolder(name)
	if !errors.Is(err, fs.ErrNotExist) || name == "." {
		return dir, err
	}
	parent, err := s.openDir(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	if err := s.root.Mkdir(name, 0o700); err == nil {
		err = s.root.Chmod(name, 0o700) // the umask may have changed the mode
		if err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	// With SyncEnds a folder may be lost with all that is in it: no session comes back by that.
	if s.sync == SyncAll {
		if err := syncDir(parent); err != nil {
			return nil, err
		}
	}
	return s.openFolder(name)
}
