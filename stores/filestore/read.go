package filestore

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// buffers hold what the first read of a file takes in; nothing of them is handed out.
var buffers = sync.Pool{New: func() any { return new([4096]byte) }}

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
		if f, err := openFileIn(dir, name[3:], flag); err == errNoFile {
			return nil, corrupt(id)
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrClosed) {
			return f, err
		}
	}
	f, err := openFileIn(s.root, name, flag)
	switch {
	case err == errNoFile:
		return nil, corrupt(id)
	case err != nil:
		// Something may be in the place of its folder: a link that leads nowhere, in a circle or out of the store, say.
		if other := s.isFolder(name[:2]); noFolder(other) {
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

// read returns the live record of id.
func (s *Store) read(id driver.ID) (driver.Record, error) {
	f, err := s.openFile(id, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return driver.Record{}, errNotFound
	}
	if err != nil {
		return driver.Record{}, err
	}
	defer f.Close()
	buf := buffers.Get().(*[4096]byte)
	defer buffers.Put(buf)
	n, err := f.Read(buf[:])
	if err != nil && err != io.EOF {
		return driver.Record{}, err
	}
	h, ok := parseHead(buf[:n])
	if !ok || h.id != id {
		return driver.Record{}, unread(id, buf[:n])
	}
	b := buf[:n]
	if h.size > n {
		// The size is only believed, and memory spent on it, if the file has it.
		if info, err := f.Stat(); err != nil {
			return driver.Record{}, err
		} else if info.Size() != int64(h.size) {
			return driver.Record{}, corrupt(id)
		}
		b = make([]byte, h.size)
		if _, err := f.ReadAt(b, 0); err != nil {
			return driver.Record{}, err
		}
	}
	rec, ok := h.decode(b)
	if !ok {
		return driver.Record{}, corrupt(id)
	}
	if h.size == n {
		rec.Data = bytes.Clone(rec.Data)
	}
	return rec, s.liveness(&h)
}

// peek returns the head of id's record, expired or not.
func (s *Store) peek(id driver.ID) (head, error) {
	f, err := s.openFile(id, os.O_RDONLY)
	if err != nil {
		return head{}, err
	}
	defer f.Close()
	return peekFile(f, id)
}

func peekFile(f *os.File, id driver.ID) (head, error) {
	buf := buffers.Get().(*[4096]byte)
	defer buffers.Put(buf)
	n, err := f.Read(buf[:peekSize])
	if err != nil && err != io.EOF {
		return head{}, err
	}
	h, ok := parseHead(buf[:n])
	if !ok || h.id != id {
		return head{}, unread(id, buf[:n])
	}
	return h, nil
}
