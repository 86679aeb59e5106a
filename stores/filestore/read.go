package filestore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// buffers are for the first read of a file. No caller gets a part of one.
var buffers = sync.Pool{New: func() any { return new([readSize]byte) }}

// read returns the live record under id, for a caller that does not hold the lock. It takes the lock if two writers may
// have come during the read.
func (s *Store) read(ctx context.Context, id driver.ID) (driver.Record, error) {
	rec, h, err := s.readHeld(id)
	if !h.unsettled {
		return rec, err
	}
	l, err := s.lock(ctx, id[0])
	if err != nil {
		return driver.Record{}, err
	}
	defer l.unlock()
	rec, h, err = s.readHeld(id)
	if h.unsettled && h.area != 0 {
		s.settle(id, &h)
	}
	return rec, err
}

// readHeld returns the live record under id, for a caller that holds the lock.
func (s *Store) readHeld(id driver.ID) (driver.Record, head, error) {
	f, err := s.openRecord(id, os.O_RDONLY)
	if err != nil {
		return driver.Record{}, head{}, err
	}
	defer f.Close()
	rec, h, err := readFile(f, id)
	if err == nil {
		err = s.liveness(&h)
	}
	return rec, h, err
}

// openRecord is openFile for the contract's methods: what does not exist is not found.
func (s *Store) openRecord(id driver.ID, flag int) (*os.File, error) {
	f, err := s.openFile(id, flag)
	if errors.Is(err, fs.ErrNotExist) {
		err = errNotFound
	}
	return f, err
}

// readFile returns the newest record of a file, also an expired one.
func readFile(f *os.File, id driver.ID) (rec driver.Record, h head, err error) {
	buf := buffers.Get().(*[readSize]byte)
	defer buffers.Put(buf)
	n, err := f.Read(buf[:])
	if err != nil && err != io.EOF {
		return rec, h, err
	}
	h, b, ok := newest(buf[:n])
	if !ok || h.id != id {
		return rec, h, headError(id, buf[:n])
	}
	large := h.size > len(b)
	if large {
		// Allocate only after the file's size has confirmed the size in the head.
		if info, err := f.Stat(); err != nil {
			return rec, h, err
		} else if info.Size() != int64(h.size) {
			return rec, h, torn(id)
		}
		b = make([]byte, h.size)
		if _, err := f.ReadAt(b, 0); err != nil {
			return rec, h, err
		}
	}
	if rec, ok = h.decode(b); !ok {
		return rec, h, torn(id)
	}
	if !large {
		rec.Data = bytes.Clone(rec.Data)
	}
	return rec, h, nil
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
	buf := buffers.Get().(*[readSize]byte)
	defer buffers.Put(buf)
	n, err := f.Read(buf[:])
	if err != nil && err != io.EOF {
		return head{}, err
	}
	h, _, ok := newest(buf[:n])
	if !ok || h.id != id {
		return head{}, headError(id, buf[:n])
	}
	return h, nil
}
