package filestore

import (
	"errors"
	"os"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A file may have two areas of the same size, which is at byte 12 of both. Each holds a record with its head, as a file
// with one area does, and then anything. The record is that of the intact area with the greater version. An Update
// writes the other area, and the file keeps its size: a file system needs far longer to replace a file. An area that
// begins with zeros was never written, or was emptied.
//
// Only SyncEnds makes such files, since damage to the newer area brings back the older state. So the record of an
// ended session has one area, and SyncAll makes one of two at the next Update.
//
// A reader without the lock finds at most one area torn while one writer is at work. The other may be older than the
// last record then, if a second writer has followed. So the reader has to look again under the lock.

// maxArea lets one read take both areas, and see that the file ends there.
const maxArea = readSize/2 - 64

// twoAreas gives the file b, which has one area, a second one and some room to grow, unless that would be too large.
func twoAreas(b []byte) []byte {
	size := (len(b) + len(b)/4 + 63) &^ 63
	if size > maxArea {
		return b
	}
	file := make([]byte, 2*size)
	copy(file, b)
	be.PutUint32(file[12:], uint32(size))
	return file
}

// newest returns the head of a file's newest record, and the bytes of that record, as far as they are in b, the
// beginning of the file.
func newest(b []byte) (h head, record []byte, ok bool) {
	if len(b) < headSize || be.Uint32(b[12:]) == 0 {
		h, ok = parseHead(b)
		return h, b, ok
	}
	size := int(be.Uint32(b[12:]) & (1<<31 - 1))
	if size > maxArea || len(b) != 2*size {
		return head{}, nil, false
	}
	unsettled := false
	for at := range 2 {
		area := b[at*size : (at+1)*size]
		found, whole := parseHead(area)
		whole = whole && found.size <= size && found.intact(area[:found.size])
		if whole && (!ok || found.version > h.version) {
			h, record, ok = found, area[:found.size], true
			h.spare += int64(at * size)
			h.area, h.other = size, int64((1-at)*size)
		}
		unsettled = unsettled || !whole && be.Uint64(area) != 0
	}
	h.unsettled = unsettled
	return h, record, ok
}

// settle empties an area that is torn although nobody writes: its writer was killed, or the disk has damaged it. The next
// reader needs no lock then. The caller holds the lock.
func (s *Store) settle(id driver.ID, h *head) {
	f, err := s.openFile(id, os.O_RDWR)
	if err == nil {
		_, err = f.WriteAt(make([]byte, 8), h.other)
		err = errors.Join(err, f.Close())
	}
	s.log.Warn("filestore: a session is in its former state: the last write of its file was cut off, or the disk has damaged it",
		"file", fileName(id), "error", err)
}

// inPlace returns what an Update from the record of h to next writes to the other area, or false if it must make a new
// file. A record that loses its names must, so that they are not in its file any more.
func (s *Store) inPlace(h *head, next *driver.Record) ([]byte, bool) {
	if h.area == 0 || s.syncs(next) || next.Subject != h.subject || len(next.Labels) != len(h.labels) {
		return nil, false
	}
	b := encode(next)
	be.PutUint32(b[12:], uint32(h.area))
	return b, len(b) <= h.area
}
