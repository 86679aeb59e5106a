package cookiestore

import (
	"encoding/binary"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The payload is what a token carries inside its seal:
//
//	format   1 byte, 1
//	id       32 bytes
//	created  8 bytes, big endian, microseconds since 1970
//	used     varint, microseconds after created
//	expires  varint, microseconds after used
//	version  uvarint
//	subject  text
//	labels   uvarint: how many, plus four for each epoch after the first; that many texts
//	data     the rest
//
// A text is its length as a uvarint, followed by its bytes. varint and uvarint are those of encoding/binary. Package
// keyring seals the payload. The associated data is "coatcheck/cookiestore/v1", a zero byte and the binding. The token
// is the sealed payload in base64url without padding.
//
// The format and the ID keep their places in every later format.
const (
	format    = 1
	fixedSize = 1 + len(driver.ID{}) + 8
	labelBits = 2 // for up to driver.MaxLabels
	labelMask = 1<<labelBits - 1
)

const _ = uint(labelMask - driver.MaxLabels)

// laterEpochs is 0 for the session of a user whom nobody has ever revoked, and of a visitor.
func laterEpochs(rec *driver.Record) uint64 {
	if rec.Subject == "" {
		return 0
	}
	return max(rec.Epoch, firstEpoch) - firstEpoch
}

// encode appends the payload for rec to dst.
func encode(dst []byte, rec *driver.Record) []byte {
	created, used, expires := rec.Created.UnixMicro(), rec.Used.UnixMicro(), rec.Expires.UnixMicro()
	dst = append(append(dst, format), rec.ID[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(created))
	dst = binary.AppendVarint(dst, used-created)
	dst = binary.AppendVarint(dst, expires-used)
	dst = binary.AppendUvarint(dst, rec.Version)
	dst = appendText(dst, rec.Subject)
	dst = binary.AppendUvarint(dst, laterEpochs(rec)<<labelBits|uint64(len(rec.Labels)))
	for _, label := range rec.Labels {
		dst = appendText(dst, label)
	}
	return append(dst, rec.Data...)
}

func appendText(dst []byte, text string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
}

// decode decodes a payload. The record's Data is a part of payload.
func decode(payload []byte) (rec driver.Record, ok bool) {
	if len(payload) < fixedSize || payload[0] != format {
		return rec, false
	}
	copy(rec.ID[:], payload[1:])
	created := int64(binary.BigEndian.Uint64(payload[1+len(rec.ID):]))
	r := reader{rest: payload[fixedSize:]}
	used := created + r.varint()
	rec.Created = micros(created)
	rec.Used = micros(used)
	rec.Expires = micros(used + r.varint())
	rec.Version = r.uvarint()
	rec.Subject = r.text()
	n := r.uvarint()
	if rec.Subject != "" {
		rec.Epoch = firstEpoch + n>>labelBits
	}
	for n &= labelMask; n > 0 && !r.short; n-- {
		rec.Labels = append(rec.Labels, r.text())
	}
	if r.short {
		return driver.Record{}, false
	}
	rec.Data = r.rest
	return rec, true
}

// ofNewerFormat reports whether a newer release made the payload, and returns the ID in it.
func ofNewerFormat(payload []byte) (id driver.ID, ok bool) {
	if len(payload) < 1+len(id) || payload[0] <= format {
		return id, false
	}
	return driver.ID(payload[1 : 1+len(id)]), true
}

func micros(t int64) time.Time { return time.UnixMicro(t).UTC() }

// reader reads the parts of a payload in order. After the payload was too short once, all further parts are empty.
type reader struct {
	rest  []byte
	short bool
}

// take moves on by n bytes. n < 1 means that the payload was too short: encoding/binary returns that for a number that
// is not complete.
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
