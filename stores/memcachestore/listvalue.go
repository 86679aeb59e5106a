package memcachestore

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The value of a list's item is, integers little-endian:
//
//	1 byte   format
//	3 bytes  zero
//	8 bytes  when it was found to lack sessions, microseconds; 0: never
//	4 bytes  CRC-32C of all that comes before
//
// and for each session, since IDs are appended without reading the rest
//
//	32 bytes  ID
//	 4 bytes  CRC-32C of the ID
//
// As with records, a greater format is that of a newer release.
const (
	listFormat = 1
	listHead   = 1 + 3 + 8 + 4
	entrySize  = len(driver.ID{}) + 4
)

// listValue is what an item of a list holds.
type listValue struct {
	ids  []driver.ID
	lost time.Time // when it was found to lack sessions; zero: never
}

func (v listValue) encode() []byte {
	b := make([]byte, 0, listHead+len(v.ids)*entrySize)
	b = append(b, listFormat, 0, 0, 0)
	lost := int64(0)
	if !v.lost.IsZero() {
		lost = v.lost.UnixMicro()
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(lost))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	for i := range v.ids {
		b = appendEntry(b, &v.ids[i])
	}
	return b
}

func appendEntry(b []byte, id *driver.ID) []byte {
	return binary.LittleEndian.AppendUint32(append(b, id[:]...), crc32.Checksum(id[:], castagnoli))
}

// decodeList answers errNewerList or errNoList for what it cannot read.
func decodeList(b []byte) (v listValue, err error) {
	switch {
	case len(b) > 0 && b[0] > listFormat:
		return v, errNewerList
	case len(b) < listHead || (len(b)-listHead)%entrySize != 0 || b[0] != listFormat || b[1]|b[2]|b[3] != 0:
		return v, errNoList
	case binary.LittleEndian.Uint32(b[listHead-4:]) != crc32.Checksum(b[:listHead-4], castagnoli):
		return v, errNoList
	}
	if lost := int64(binary.LittleEndian.Uint64(b[4:])); lost != 0 {
		v.lost = time.UnixMicro(lost)
	}
	const idSize = len(driver.ID{})
	v.ids = make([]driver.ID, 0, (len(b)-listHead)/entrySize)
	for b = b[listHead:]; len(b) > 0; b = b[entrySize:] {
		if binary.LittleEndian.Uint32(b[idSize:]) != crc32.Checksum(b[:idSize], castagnoli) {
			return listValue{}, errNoList
		}
		v.ids = append(v.ids, driver.ID(b[:idSize]))
	}
	return v, nil
}
