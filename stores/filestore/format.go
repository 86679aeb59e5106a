package filestore

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A record file, format 1. Numbers are big-endian, times are microseconds since 1970.
//
//	 0   6  "coatck"
//	 6   2  format: 1
//	 8   4  CRC-32C (Castagnoli) of everything from byte 48 to the end
//	12   4  zero
//	16  16  deadline, first slot: the time, then its bitwise complement
//	32  16  deadline, second slot
//	48  32  ID
//	80   8  version
//	88   8  created
//	96   4  length of subject
//	100  4  length of data
//	104     subject, data, end of file
//
// The deadline is the later one of the two slots. Touch writes to the other slot, so
// that a reader who comes in the middle, or after a crash in the middle, still
// has the deadline from before. A slot does not cross a disk sector.
//
// A file of another format is ErrCorrupt for this code, which leaves it as it is.
const (
	magic  = "coatck"
	format = 1

	slotAt   = 16
	slotSize = 16
	bodyAt   = 48
	headSize = 104
	peekSize = headSize + driver.MaxSubject // enough for a head and any subject

	maxData = 64 << 20
)

var (
	be         = binary.BigEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// head is what stands before the data.
type head struct {
	id       driver.ID
	version  uint64
	created  int64
	expires  int64
	subject  string
	dataSize int
	spare    int64 // where the slot begins that the next Touch writes
	torn     bool  // the spare slot does not hold: expires is a lower bound
}

func (h *head) size() int { return headSize + len(h.subject) + h.dataSize }

func (h *head) live(now time.Time) bool { return now.Before(time.UnixMicro(h.expires)) }

// expired is not the opposite of live: a damaged deadline proves nothing.
func (h *head) expired(now time.Time) bool { return !h.torn && !h.live(now) }

// parseHead reads the head of a record file from its first bytes. The checksum
// is not part of it.
func parseHead(b []byte) (head, bool) {
	var h head
	if len(b) < headSize || string(b[:6]) != magic || be.Uint16(b[6:]) != format || be.Uint32(b[12:]) != 0 {
		return h, false
	}
	copy(h.id[:], b[bodyAt:])
	h.version = be.Uint64(b[80:])
	h.created = int64(be.Uint64(b[88:]))
	subject, data := be.Uint32(b[96:]), be.Uint32(b[100:])
	if subject > driver.MaxSubject || data > maxData || len(b) < headSize+int(subject) {
		return h, false
	}
	h.subject = string(b[headSize : headSize+subject])
	h.dataSize = int(data)

	first, ok1 := parseSlot(b[slotAt:])
	second, ok2 := parseSlot(b[slotAt+slotSize:])
	switch {
	case !ok1 && !ok2:
		return h, false
	case ok1 && (!ok2 || first >= second):
		h.expires, h.spare = first, slotAt+slotSize
	default:
		h.expires, h.spare = second, slotAt
	}
	h.torn = !ok1 || !ok2
	return h, true
}

func parseSlot(b []byte) (int64, bool) {
	t := be.Uint64(b)
	return int64(t), be.Uint64(b[8:]) == ^t
}

func appendSlot(b []byte, expires int64) []byte {
	b = be.AppendUint64(b, uint64(expires))
	return be.AppendUint64(b, ^uint64(expires))
}

// decode reads the whole file that h is the head of. The record's data is a part of b.
func (h *head) decode(b []byte) (driver.Record, bool) {
	if len(b) != h.size() || be.Uint32(b[8:]) != crc32.Checksum(b[bodyAt:], castagnoli) {
		return driver.Record{}, false
	}
	return driver.Record{
		ID:      h.id,
		Subject: h.subject,
		Created: time.UnixMicro(h.created).UTC(),
		Expires: time.UnixMicro(h.expires).UTC(),
		Version: h.version,
		Data:    b[headSize+len(h.subject):],
	}, true
}

// encode returns the file for a record that fits (see fits).
func encode(rec *driver.Record) []byte {
	expires := rec.Expires.UnixMicro()
	b := make([]byte, 0, headSize+len(rec.Subject)+len(rec.Data))
	b = append(b, magic...)
	b = be.AppendUint16(b, format)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = appendSlot(b, expires)
	b = appendSlot(b, expires)
	b = append(b, rec.ID[:]...)
	b = be.AppendUint64(b, rec.Version)
	b = be.AppendUint64(b, uint64(rec.Created.UnixMicro()))
	b = be.AppendUint32(b, uint32(len(rec.Subject)))
	b = be.AppendUint32(b, uint32(len(rec.Data)))
	b = append(b, rec.Subject...)
	b = append(b, rec.Data...)
	be.PutUint32(b[8:], crc32.Checksum(b[bodyAt:], castagnoli))
	return b
}

func fits(rec *driver.Record) bool {
	return len(rec.Subject) <= driver.MaxSubject && len(rec.Data) <= maxData
}
