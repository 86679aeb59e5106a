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
//	used     varint, microseconds after created
//	expires  varint, microseconds after used
//	version  uvarint
//	subject  text
//	labels   uvarint, how many; that many texts
//	data     the rest
//
// A text is its length as a uvarint and its bytes; varint and uvarint are those of
// encoding/binary. The token is the unpadded base64url form of what package keyring makes
// of it, with "coatcheck/cookiestore/v1" 0x00 and the binding as associated data.
//
// No later format moves the format and the ID.
const (
	format = 1
	fixed  = 1 + len(driver.ID{}) + 8
)

func encode(dst []byte, rec *driver.Record) []byte {
	created, used, expires := rec.Created.UnixMicro(), rec.Used.UnixMicro(), rec.Expires.UnixMicro()
	dst = append(append(dst, format), rec.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(created))
	dst = binary.AppendVarint(dst, used-created)
	dst = binary.AppendVarint(dst, expires-used)
	dst = binary.AppendUvarint(dst, rec.Version)
	dst = appendText(dst, rec.Subject)
	dst = binary.AppendUvarint(dst, uint64(len(rec.Labels)))
	for _, label := range rec.Labels {
		dst = appendText(dst, label)
	}
	return append(dst, rec.Data...)
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// decode keeps payload as the record's Data.
func decode(payload []byte) (rec driver.Record, ok bool) {
	if len(payload) < fixed || payload[0] != format {
		return rec, false
	}
	copy(rec.ID[:], payload[1:])
	created := int64(binary.BigEndian.Uint64(payload[1+len(rec.ID):]))
	r := reader{rest: payload[fixed:]}
	used := created + r.varint()
	rec.Created = micros(created)
	rec.Used = micros(used)
	rec.Expires = micros(used + r.varint())
	rec.Version = r.uvarint()
	rec.Subject = r.text()
	for n := r.uvarint(); n > 0 && !r.short; n-- {
		rec.Labels = append(rec.Labels, r.text())
	}
	if r.short {
		return driver.Record{}, false
	}
	rec.Data = r.rest
	return rec, true
}

// ofNewerFormat returns the ID in a payload that a newer release has made.
func ofNewerFormat(payload []byte) (id driver.ID, ok bool) {
	if len(payload) < 1+len(id) || payload[0] <= format {
		return id, false
	}
	return driver.ID(payload[1 : 1+len(id)]), true
}

func micros(t int64) time.Time { return time.UnixMicro(t).UTC() }

// reader takes a payload apart. Once it was too short, all else is empty.
type reader struct {
	rest  []byte
	short bool
}

// take goes on by n bytes; n < 1 is what encoding/binary says of a number that is not there.
func (r *reader) take(n int) {
	if n < 1 {
		r.rest, r.short = nil, true
		return
	}
	r.rest = r.rest[n:]
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.take(n)
	return v
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.take(n)
	return v
}

func (r *reader) text() string {
	size := r.uvarint()
	if size > uint64(len(r.rest)) {
		r.take(0)
		return ""
	}
	text := string(r.rest[:size])
	r.rest = r.rest[size:]
	return text
}
