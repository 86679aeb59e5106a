package redisstore

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A record is a string with these fields at these offsets. Times that scripts compare are decimal digits, because Lua's
// numbers would lose microseconds.
//
//	0    format, 1
//	1    mark: four random bytes, new in each Create and Update, by which a writer recognizes its own write
//	5    version, big-endian
//	13   deadline, microseconds since the year 1, 18 digits
//	31   used, likewise
//	49   term, 6 digits: the sets of the index live until then
//	55   a copy of version, deadline, used and term
//	105  CRC-32C, big-endian, of the bytes 0 to 12 and of all bytes from 109 on
//	109  created, microseconds since 1970, big-endian
//	117  ID
//	149  length of the names, big-endian
//	151  names: the subject, then the labels, each after its length in one byte; none in an anonymous record
//	     data
//
// Every field is stored twice or is in the checksum, so damage is always detected. A script cannot compute a checksum
// fast enough. So the fields that scripts compare and move are stored twice. The rest comes from the caller, with its
// checksum, if the caller knows what is stored.
//
// The first byte keeps its place in every later format. A greater number is the format of a newer release, and this
// release leaves the record as it is. 0 is no format.
const (
	format     = 1
	offVersion = 5
	offExpires = 13
	offUsed    = 31
	offTerm    = 49
	offCopy    = 55
	offSum     = 105
	offCreated = 109
	offID      = 117
	offLen     = 149
	offNames   = 151
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sum returns the checksum of a record: of its bytes up to the deadline, and of those from created on.
func sum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:offExpires], castagnoli), castagnoli, b[offCreated:])
}

// term is the unit in which the index tracks deadlines. A Touch that stays within the term does not have to update the
// index.
const term = 32 * 24 * time.Hour

// termOf returns the number of the term that a time is in, counted from 1. The term ends at that number times term.
func termOf(micros uint64) uint64 { return micros/uint64(term.Microseconds()) + 1 }

// year1 is the zero time.Time in microseconds since 1970. latest is the last time of 18 digits, counted from year1: it
// is in the year 31689.
const (
	year1  = -62_135_596_800_000_000
	latest = 999_999_999_999_999_999
)

// micros returns a time in microseconds since the year 1, so that it is never negative.
func micros(t time.Time) uint64 {
	return uint64(min(max(t.UnixMicro(), year1), latest+year1) - year1)
}

// digits appends n as width decimal digits.
func digits(b []byte, n uint64, width int) []byte {
	b = append(b, "000000000000000000"[:width]...)
	for i := len(b) - 1; n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

func timeDigits(micros uint64) string { return string(digits(make([]byte, 0, 18), micros, 18)) }
func termDigits(term uint64) string   { return string(digits(make([]byte, 0, 6), term, 6)) }
func versionBytes(n uint64) string    { return string(binary.BigEndian.AppendUint64(nil, n)) }

// parseTime reads 18 digits.
func parseTime(text []byte) (t time.Time, ok bool) {
	n := int64(year1)
	for unit, i := int64(1), len(text)-1; i >= 0; unit, i = unit*10, i-1 {
		if text[i] < '0' || text[i] > '9' {
			return time.Time{}, false
		}
		n += int64(text[i]-'0') * unit
	}
	return time.UnixMicro(n), true
}

// encode returns a record as it is stored with a version.
func encode(rec *driver.Record, version uint64, mark uint32) string {
	expires := micros(rec.Expires)
	b := make([]byte, 0, offNames+namesSize(rec)+len(rec.Data))
	b = binary.BigEndian.AppendUint32(append(b, format), mark)
	b = binary.BigEndian.AppendUint64(b, version)
	b = digits(b, expires, 18)
	b = digits(b, micros(rec.Used), 18)
	b = digits(b, termOf(expires), 6)
	b = append(b, b[offVersion:]...)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint64(b, uint64(rec.Created.UnixMicro()))
	b = append(b, rec.ID[:]...)
	b = binary.BigEndian.AppendUint16(b, uint16(namesSize(rec)))
	b = appendNames(b, rec)
	b = append(b, rec.Data...)
	binary.BigEndian.PutUint32(b[offSum:], sum(b))
	return rueidis.BinaryString(b)
}

// decode reads what encode or a script wrote. The record's Data shares the memory of b.
func decode(b []byte) (driver.Record, error) {
	switch {
	case len(b) > 0 && b[0] > format:
		return driver.Record{}, errNewer
	case len(b) < offNames || b[0] != format,
		!bytes.Equal(b[offVersion:offCopy], b[offCopy:offSum]),
		binary.BigEndian.Uint32(b[offSum:]) != sum(b):
		return driver.Record{}, errCorrupt
	}
	data := offNames + int(binary.BigEndian.Uint16(b[offLen:]))
	if len(b) < data {
		return driver.Record{}, errCorrupt
	}
	subject, labels, ok := parseNames(string(b[offNames:data]))
	expires, okExpires := parseTime(b[offExpires:offUsed])
	used, okUsed := parseTime(b[offUsed:offTerm])
	if !ok || !okExpires || !okUsed {
		return driver.Record{}, errCorrupt
	}
	return driver.Record{
		ID:      driver.ID(b[offID:offLen]),
		Subject: subject,
		Labels:  labels,
		Version: binary.BigEndian.Uint64(b[offVersion:]),
		Expires: expires,
		Used:    used,
		Created: time.UnixMicro(int64(binary.BigEndian.Uint64(b[offCreated:]))),
		Data:    b[data:len(b):len(b)],
	}, nil
}

// appendNames appends the names of a record as they are stored. Without a subject there are none.
func appendNames(b []byte, rec *driver.Record) []byte {
	if rec.Subject == "" {
		return b
	}
	b = append(append(b, byte(len(rec.Subject))), rec.Subject...)
	for _, label := range rec.Labels {
		b = append(append(b, byte(len(label))), label...)
	}
	return b
}

// namesSize returns how many bytes appendNames appends.
func namesSize(rec *driver.Record) int {
	if rec.Subject == "" {
		return 0
	}
	n := 1 + len(rec.Subject)
	for _, label := range rec.Labels {
		n += 1 + len(label)
	}
	return n
}

// parseNames reads what appendNames wrote.
func parseNames(names string) (subject string, labels []string, ok bool) {
	for first := true; names != ""; first = false {
		end := 1 + int(names[0])
		if first && end == 1 || end > len(names) || len(labels) == driver.MaxLabels {
			return "", nil, false
		}
		if first {
			subject = names[1:end]
		} else {
			labels = append(labels, names[1:end])
		}
		names = names[end:]
	}
	return subject, labels, true
}

// checkNew refuses a record that Create cannot store. checkData does so for Update.
func checkNew(rec *driver.Record) error {
	if len(rec.Subject) > driver.MaxSubject || len(rec.Labels) > driver.MaxLabels {
		return errTooLarge
	}
	for _, label := range rec.Labels {
		if len(label) > driver.MaxSubject {
			return errTooLarge
		}
	}
	return checkData(rec)
}

func checkData(rec *driver.Record) error {
	if len(rec.Data) > MaxData {
		return errTooLarge
	}
	return nil
}

// life returns the time to live up to expires, in whole milliseconds as Redis wants it. It is rounded up, and at least
// 1.
func life(expires, now uint64) string {
	if expires <= now {
		return "1"
	}
	return strconv.FormatUint((expires-now+999)/1000, 10)
}
