package redisstore

import (
	"encoding/binary"
	"strconv"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A record is a string. What scripts sort by is decimal digits: Lua's numbers lose microseconds.
//
//	0   format, 1
//	1   version, big-endian
//	9   deadline, microseconds since 1970, 18 digits
//	27  created, likewise, big-endian
//	35  ID
//	67  term, 6 digits: until then, the index of the subject knows the record
//	73  length of the subject
//	74  subject, then data
const (
	format     = 1
	offVersion = 1
	offExpires = 9
	offCreated = 27
	offID      = 35
	offTerm    = 67
	offLen     = 73
	offSubject = 74
)

// term is the unit in which the index keeps track of deadlines: a Touch within
// it needs no word to the index.
const term = 32 * 24 * time.Hour

// termOf returns the first whole term that ends after t.
func termOf(micros uint64) uint64 { return micros/uint64(term.Microseconds()) + 1 }

// latest is the year 33658, the last deadline of 18 digits.
const latest = 999_999_999_999_999_999

// micros is never negative: before 1970, everything has expired.
func micros(t time.Time) uint64 { return uint64(min(max(t.UnixMicro(), 0), latest)) }

// digits appends n in as many digits as width says.
func digits(b []byte, n uint64, width int) []byte {
	b = append(b, "000000000000000000"[:width]...)
	for i := len(b) - 1; n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

func timeDigits(micros uint64) string { return string(digits(nil, micros, 18)) }
func termDigits(term uint64) string   { return string(digits(nil, term, 6)) }
func versionBytes(n uint64) string    { return string(binary.BigEndian.AppendUint64(nil, n)) }

// encode returns the record as it is stored under a version.
func encode(rec *driver.Record, version uint64) string {
	expires := micros(rec.Expires)
	b := make([]byte, 0, offSubject+len(rec.Subject)+len(rec.Data))
	b = append(b, format)
	b = binary.BigEndian.AppendUint64(b, version)
	b = digits(b, expires, 18)
	b = binary.BigEndian.AppendUint64(b, uint64(rec.Created.UnixMicro()))
	b = append(b, rec.ID[:]...)
	b = digits(b, termOf(expires), 6)
	b = append(b, byte(len(rec.Subject)))
	b = append(b, rec.Subject...)
	b = append(b, rec.Data...)
	return textOf(b)
}

// claim is what the index has to know about an encoded record: its term and subject.
func claim(encoded, subject string) string {
	if subject == "" {
		return ""
	}
	return encoded[offTerm : offSubject+len(subject)]
}

// decode reads what encode wrote. The record's Data are bytes of b.
func decode(b []byte) (driver.Record, error) {
	if len(b) < offSubject || b[0] != format || len(b) < offSubject+int(b[offLen]) {
		return driver.Record{}, errCorrupt
	}
	expires := int64(0)
	for _, c := range b[offExpires:offCreated] {
		if c < '0' || c > '9' {
			return driver.Record{}, errCorrupt
		}
		expires = expires*10 + int64(c-'0')
	}
	data := offSubject + int(b[offLen])
	return driver.Record{
		ID:      driver.ID(b[offID:offTerm]),
		Subject: string(b[offSubject:data]),
		Version: binary.BigEndian.Uint64(b[offVersion:]),
		Expires: time.UnixMicro(expires),
		Created: time.UnixMicro(int64(binary.BigEndian.Uint64(b[offCreated:]))),
		Data:    b[data:len(b):len(b)],
	}, nil
}

// check refuses what cannot be stored.
func check(rec *driver.Record) error {
	if len(rec.Subject) > driver.MaxSubject || len(rec.Data) > MaxData {
		return errTooLarge
	}
	return nil
}

// life is the record's time to live as Redis counts it: whole milliseconds, never less
// than what is left, and at least one.
func life(expires, now uint64) string {
	if expires <= now {
		return "1"
	}
	return strconv.FormatUint((expires-now+999)/1000, 10)
}
