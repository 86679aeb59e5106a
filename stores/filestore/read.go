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

// buffers are for the first read of a file. No caller gets a part of one.
var buffers = sync.Pool{New: func() any { return new([4096]byte) }}

// read returns the live record under id.
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
		return driver.Record{}, headError(id, buf[:n])
	}
	b := buf[:n]
	if h.size > n {
		// Allocate only after the file's size has confirmed the size in the head.
		if info, err := f.Stat(); err != nil {
			return driver.Record{}, err
		} else if info.Size() != int64(h.size) {
			return driver.Record{}, torn(id)
		}
		b = make([]byte, h.size)
		if _, err := f.ReadAt(b, 0); err != nil {
			return driver.Record{}, err
		}
	}
	rec, ok := h.decode(b)
	if !ok {
		return driver.Record{}, torn(id)
	}
	if h.size == n {
		rec.Data = bytes.Clone(rec.Data)
	}
	return rec, s.liveness(&h)
}

// peek returns the head of the record under id, also of an expired one.
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
		return head{}, headError(id, buf[:n])
	}
	return h, nil
}
