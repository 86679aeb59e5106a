package filestore

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A record file, format 1. Numbers are big-endian, times are microseconds since 1970.
//
//	  0   6  "coatck"
//	  6   2  format: 1
//	  8   4  CRC-32C (Castagnoli) of everything from byte 64 to the end
//	 12   4  zero, or the size of an area (area.go)
//	 16  24  times, first slot: used, expires, and the CRC-64 (ECMA) of these 16 bytes
//	 40  24  times, second slot
//	 64  32  ID
//	 96   8  version
//	104   8  created
//	112   2  length of subject
//	114   2  length of labels
//	116   4  length of data
//	120      subject, labels, data, end of file
//
// A label is one byte with its length, followed by its text.
//
// The record's times are those of the later slot: the slot with the later used, or with the later expires if both used
// are equal. Touch writes to the other slot. So a reader finds the earlier times if it comes in the middle of a Touch,
// or after a crash in the middle of one. A slot does not cross the border of a disk sector.
//
// The first 8 bytes keep their meaning in every later format. A file of a later format is ErrUnreadable and is not
// changed. A file of format 0, or without "coatck", is ErrCorrupt.
const (
	magic  = "coatck"
	format = 1

	slotAt   = 16
	bodyAt   = slotAt + 2*slotSize
	headSize = 120
	readSize = 16 << 10 // of the first read of a file: at least as long as everything before the data

	maxLabels = driver.MaxLabels * (1 + driver.MaxSubject)
	maxData   = 64 << 20
)

var (
	be         = binary.BigEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// head is everything before the data.
type head struct {
	times
	id      driver.ID
	version uint64
	created int64
	subject string
	labels  []string
	dataAt  int
	size    int   // of the record, and of a file with one area
	spare   int64 // offset of the slot that the next Touch writes
	torn    bool  // the spare slot is damaged: the true times may be later than these

	area      int   // size of an area; 0: the file has only one, and this is all of it
	other     int64 // offset of the area that the next Update may write, if there are two
	unsettled bool  // the other area is torn, so a newer record may be there by now
}

func (h *head) live(now time.Time) bool { return now.Before(time.UnixMicro(h.expires)) }

// expired is not the opposite of live. If a slot is damaged, the deadline may be later, and nothing is proved.
func (h *head) expired(now time.Time) bool { return !h.torn && !h.live(now) }

// parseHead parses the head of a record from its first bytes. It does not check the checksum.
func parseHead(b []byte) (head, bool) {
	var h head
	if len(b) < headSize || string(b[:6]) != magic || be.Uint16(b[6:]) != format {
		return h, false
	}
	copy(h.id[:], b[bodyAt:])
	h.version = be.Uint64(b[96:])
	h.created = int64(be.Uint64(b[104:]))
	subject, labels, data := int(be.Uint16(b[112:])), int(be.Uint16(b[114:])), be.Uint32(b[116:])
	h.dataAt = headSize + subject + labels
	if subject > driver.MaxSubject || labels > maxLabels || data > maxData || len(b) < h.dataAt {
		return h, false
	}
	h.size = h.dataAt + int(data)
	h.subject = string(b[headSize : headSize+subject])
	var ok bool
	if h.labels, ok = parseLabels(b[headSize+subject : h.dataAt]); !ok {
		return h, false
	}
	return h, h.parseSlots(b[slotAt:])
}

// ofNewerFormat looks only at the bytes that all formats share.
func ofNewerFormat(b []byte) bool {
	return len(b) >= 8 && string(b[:6]) == magic && be.Uint16(b[6:]) > format
}

func parseLabels(b []byte) (labels []string, ok bool) {
	for len(b) > 0 {
		end := 1 + int(b[0])
		if end > len(b) || len(labels) == driver.MaxLabels {
			return nil, false
		}
		labels = append(labels, string(b[1:end]))
		b = b[end:]
	}
	return labels, true
}

func (h *head) parseSlots(b []byte) bool {
	first, ok1 := parseSlot(b)
	second, ok2 := parseSlot(b[slotSize:])
	if ok1 && (!ok2 || second.before(first)) {
		h.times, h.spare = first, slotAt+slotSize
	} else {
		h.times, h.spare = second, slotAt
	}
	h.torn = !ok1 || !ok2
	return ok1 || ok2
}

// intact reports whether b is the record whose head is h.
func (h *head) intact(b []byte) bool {
	return len(b) == h.size && be.Uint32(b[8:]) == crc32.Checksum(b[bodyAt:], castagnoli)
}

// decode decodes the record b, whose head is h. The record's data is a part of b.
func (h *head) decode(b []byte) (driver.Record, bool) {
	if !h.intact(b) {
		return driver.Record{}, false
	}
	return driver.Record{
		ID:      h.id,
		Subject: h.subject,
		Labels:  h.labels,
		Created: time.UnixMicro(h.created).UTC(),
		Used:    time.UnixMicro(h.used).UTC(),
		Expires: time.UnixMicro(h.expires).UTC(),
		Version: h.version,
		Data:    b[h.dataAt:],
	}, true
}

// encode returns the file for a record, which must fit (see fits). It has one area.
func encode(rec *driver.Record) []byte {
	labels := 0
	for _, label := range rec.Labels {
		labels += 1 + len(label)
	}
	b := make([]byte, 0, headSize+len(rec.Subject)+labels+len(rec.Data))
	b = append(b, magic...)
	b = be.AppendUint16(b, format)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	slot := timesOf(rec.Used, rec.Expires)
	b = appendSlot(appendSlot(b, slot), slot)
	b = append(b, rec.ID[:]...)
	b = be.AppendUint64(b, rec.Version)
	b = be.AppendUint64(b, uint64(rec.Created.UnixMicro()))
	b = be.AppendUint16(b, uint16(len(rec.Subject)))
	b = be.AppendUint16(b, uint16(labels))
	b = be.AppendUint32(b, uint32(len(rec.Data)))
	b = append(b, rec.Subject...)
	for _, label := range rec.Labels {
		b = append(append(b, byte(len(label))), label...)
	}
	b = append(b, rec.Data...)
	be.PutUint32(b[8:], crc32.Checksum(b[bodyAt:], castagnoli))
	return b
}

// fits reports whether the format has room for the record.
func fits(rec *driver.Record) bool {
	for _, label := range rec.Labels {
		if len(label) > driver.MaxSubject {
			return false
		}
	}
	return len(rec.Subject) <= driver.MaxSubject && len(rec.Labels) <= driver.MaxLabels && len(rec.Data) <= maxData
}
