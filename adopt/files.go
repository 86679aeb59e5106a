package adopt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/coatcheck-go/coatcheck/core"
)

// files is the folder of a FilesystemStore.
type files struct {
	dir     string
	maxSize int
}

// nameOf returns the name of a session's file; false if id is no ID that the store makes. The MAC covers the ID, so
// only the old application could name another file. It cannot here.
func nameOf(id string) (string, bool) {
	if id == "" || len(id) > 128 {
		return "", false
	}
	for _, c := range []byte(id) {
		if !(c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return "", false
		}
	}
	return "session_" + id, true
}

func (f files) find(_ context.Context, id string) (data []byte, err error) {
	err = f.in(id, func(root *os.Root, name string) error {
		info, err := root.Stat(name)
		switch {
		case err != nil:
			return err
		case !info.Mode().IsRegular():
			return core.ErrNotFound
		case info.Size() > int64(f.maxSize):
			return tooLarge(int(info.Size()), f.maxSize)
		}
		file, err := root.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		data, err = io.ReadAll(io.LimitReader(file, int64(f.maxSize)+1))
		return err
	})
	return data, err
}

func (f files) remove(_ context.Context, id string) error {
	err := f.in(id, (*os.Root).Remove)
	if errors.Is(err, core.ErrNotFound) {
		return nil
	}
	return err
}

// in calls do for the file of id, in a view of the folder that no name and no link leads out of. Only a missing file is
// core.ErrNotFound: a missing folder may be one that is not mounted. The errors do not have the ID.
func (f files) in(id string, do func(root *os.Root, name string) error) error {
	name, ok := nameOf(id)
	if !ok {
		return core.ErrNotFound
	}
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		return fmt.Errorf("the folder in Files: %w", err)
	}
	defer root.Close()
	err = do(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return core.ErrNotFound
	}
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = fmt.Errorf("a file in Files: %s: %w", path.Op, path.Err)
	}
	return err
}
