package cookiestore

import (
	"encoding/binary"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// What a token carries inside its seal:
//
//	format   1 byte, 1
//	id       32 bytes
//	created  8 bytes, big endian, microseconds since 1970
//	expires  8 bytes, the same
//	version  uvarint
//	subject  uvarint length, bytes
//	data     the rest
//
// The token is the unpadded base64url form of what package keyring makes of it, with
// "coatcheck/cookiestore/v1" 0x00 and the binding as associated data.
const (
	format = 1
	fixed  = 1 + len(driver.ID{}) + 8 + 8
)

func encode(dst []byte, rec *driver.Record) []byte {
	dst = append(append(dst, format), rec.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(rec.Created.UnixMicro()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(rec.Expires.UnixMicro()))
	dst = binary.AppendUvarint(dst, rec.Version)
	dst = binary.AppendUvarint(dst, uint64(len(rec.Subject)))
	dst = append(dst, rec.Subject...)
	return append(dst, rec.Data...)
}

// decode keeps payload as the record's Data.
func decode(payload []byte) (rec driver.Record, ok bool) {
	if len(payload) < fixed || payload[0] != format {
		return rec, false
	}
	copy(rec.ID[:], payload[1:])
	times := payload[1+len(rec.ID):]
	rec.Created = micros(times)
	rec.Expires = micros(times[8:])
	rest := payload[fixed:]
	version, n := binary.Uvarint(rest)
	if n <= 0 {
		return driver.Record{}, false
	}
	rest = rest[n:]
	size, n := binary.Uvarint(rest)
	if n <= 0 || size > uint64(len(rest)-n) {
		return driver.Record{}, false
	}
	rec.Version = version
	rec.Subject = string(rest[n : n+int(size)])
	rec.Data = rest[n+int(size):]
	return rec, true
}

func micros(b []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC()
}
