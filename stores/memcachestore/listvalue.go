package memcachestore

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The value of a list's item begins with these fields, integers little-endian:
//
//	1 byte   format
//	3 bytes  zero
//	8 bytes  when the list was found to lack sessions, in microseconds; 0: never
//	4 bytes  CRC-32C of all bytes before
//
// Then each session has these. Its checksum is its own, because IDs are appended without reading the list.
//
//	32 bytes  ID
//	 4 bytes  CRC-32C of the ID
//
// As with records, a greater format is that of a newer release.
const (
	listFormat   = 1
	listHeadSize = 1 + 3 + 8 + 4
	entrySize    = len(driver.ID{}) + 4
)

// listValue is the content of a list's item.
type listValue struct {
	ids     []driver.ID
	lacking time.Time // when the list was found to lack sessions; zero: never
}

func (v listValue) encode() []byte {
	b := make([]byte, 0, listHeadSize+len(v.ids)*entrySize)
	b = append(b, listFormat, 0, 0, 0)
	lacking := int64(0)
	if !v.lacking.IsZero() {
		lacking = v.lacking.UnixMicro()
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(lacking))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	for i := range v.ids {
		b = appendEntry(b, &v.ids[i])
	}
	return b
}

func appendEntry(b []byte, id *driver.ID) []byte {
	return binary.LittleEndian.AppendUint32(append(b, id[:]...), crc32.Checksum(id[:], castagnoli))
}

// decodeList reads the content of a list's item. It returns errNewerList or errNoList if it cannot.
func decodeList(b []byte) (v listValue, err error) {
	switch {
	case len(b) > 0 && b[0] > listFormat:
		return v, errNewerList
	case len(b) < listHeadSize || (len(b)-listHeadSize)%entrySize != 0 || b[0] != listFormat || b[1]|b[2]|b[3] != 0:
		return v, errNoList
	case binary.LittleEndian.Uint32(b[listHeadSize-4:]) != crc32.Checksum(b[:listHeadSize-4], castagnoli):
		return v, errNoList
	}
	if lacking := int64(binary.LittleEndian.Uint64(b[4:])); lacking != 0 {
		v.lacking = time.UnixMicro(lacking)
	}
	const idSize = len(driver.ID{})
	v.ids = make([]driver.ID, 0, (len(b)-listHeadSize)/entrySize)
	for b = b[listHeadSize:]; len(b) > 0; b = b[entrySize:] {
		if binary.LittleEndian.Uint32(b[idSize:]) != crc32.Checksum(b[:idSize], castagnoli) {
			return listValue{}, errNoList
		}
		v.ids = append(v.ids, driver.ID(b[:idSize]))
	}
	return v, nil
}
