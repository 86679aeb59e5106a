package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The envelope is a session in Record.Data before sealing. It stands after the block or, where the token carries the
// record, after one byte with the format. Integers are big-endian; times are microseconds since 1970 in UTC; len is
// an unsigned varint as in encoding/binary.
//
//	1 byte   expiry: 0 default, 1 sliding, 2 at a time, 3 browser close; plus 128 if a device follows the subject
//	1 byte   length of the codec's name, then the name
//	8 bytes  created
//	8 bytes  time of the last Login, 0 if none
//	8 bytes  expiry's duration or time in microseconds, 0 if none
//	len      subject
//	len      device, if the first byte says so: label, 0, network, 0, method
//	len      number of entries, then for each, in strictly rising order of keys:
//	len      key
//	len      value, as the codec wrote it
//
// Golden files in testdata fix the format: what was written once can be read for ever.
const envelopeFormat = 1

// withDevice is a bit of the envelope's first byte.
const withDevice = 0x80

// header is the fixed part of an envelope.
type header struct {
	expiry  expiry
	codec   Codec
	created int64 // microseconds
	auth    int64 // microseconds, 0 = never
	subject string
	device  string // what Login kept of its device: see Exchange.device
}

// parse reads an envelope into st, which keeps data.
func (st *state) parse(data []byte, codecs func(name []byte) Codec) error {
	r := reader{data: data, ok: true}
	first := r.byte()
	st.expiry.mode = first &^ withDevice
	name := r.take(int(r.byte()))
	st.created = r.int64()
	st.auth = r.int64()
	st.expiry.micros = r.int64()
	subject := r.take(r.len())
	var device []byte
	if first&withDevice != 0 {
		device = r.take(r.len())
		r.ok = r.ok && len(device) > 0
	}
	st.packed, st.changes = data[min(r.pos, len(data)):], nil
	if st.expiry.mode > expireBrowserClose || len(subject) > driver.MaxSubject {
		r.ok = false
	}
	var last []byte
	count := r.len()
	for i := 0; r.ok && i < count; i++ {
		key := r.take(r.len())
		r.take(r.len())
		if i > 0 && bytes.Compare(last, key) >= 0 {
			r.ok = false
		}
		last = key
	}
	if !r.ok || r.pos != len(data) {
		return driver.Corrupt("coatcheck: malformed record")
	}
	if st.codec = codecs(name); st.codec == nil {
		return fmt.Errorf("coatcheck: %w (codec %.16q)", driver.ErrUnreadable, name)
	}
	st.subject, st.device = string(subject), string(device)
	return nil
}

// encode returns the envelope after room for the caller's prefix bytes, and how many bytes of the envelope are
// entries. Unchanged entries are copied as they are.
func (st *state) encode(prefix int) (b []byte, entries int) {
	var array [8]splice
	splices := st.splices(array[:0])
	r := reader{data: st.packed, ok: true}
	count := r.len()
	entries = len(st.packed) - r.pos
	for i, c := range st.changes {
		if at := splices[i]; at.from < at.to {
			count, entries = count-1, entries-(at.to-at.from)
		}
		if c.value != nil {
			count, entries = count+1, entries+lenSize(len(c.key))+len(c.key)+lenSize(len(c.value))+len(c.value)
		}
	}
	name := st.codec.Name()
	size := prefix + 2 + len(name) + 24 + lenSize(len(st.subject)) + len(st.subject) + lenSize(count) + entries
	first := st.expiry.mode
	if st.device != "" {
		first |= withDevice
		size += lenSize(len(st.device)) + len(st.device)
	}
	b = make([]byte, prefix, size)
	b = append(b, first, byte(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint64(b, uint64(st.created))
	b = binary.BigEndian.AppendUint64(b, uint64(st.auth))
	b = binary.BigEndian.AppendUint64(b, uint64(st.expiry.micros))
	b = append(binary.AppendUvarint(b, uint64(len(st.subject))), st.subject...)
	if st.device != "" {
		b = append(binary.AppendUvarint(b, uint64(len(st.device))), st.device...)
	}
	b = binary.AppendUvarint(b, uint64(count))
	copied := r.pos
	for i, c := range st.changes {
		b = append(b, st.packed[copied:splices[i].from]...)
		copied = splices[i].to
		if c.value != nil {
			b = append(binary.AppendUvarint(b, uint64(len(c.key))), c.key...)
			b = append(binary.AppendUvarint(b, uint64(len(c.value))), c.value...)
		}
	}
	return append(b, st.packed[copied:]...), entries
}

func lenSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

// reader walks over untrusted bytes; ok turns false at the first step outside them.
type reader struct {
	data []byte
	pos  int
	ok   bool
}

func (r *reader) take(n int) []byte {
	if !r.ok || n < 0 || n > len(r.data)-r.pos {
		r.ok = false
		return nil
	}
	b := r.data[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

func (r *reader) byte() byte {
	if b := r.take(1); r.ok {
		return b[0]
	}
	return 0
}

func (r *reader) int64() int64 {
	if b := r.take(8); r.ok {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

func (r *reader) len() int {
	if r.pos < len(r.data) && r.data[r.pos] < 0x80 { // inlined, as most lengths are short
		r.pos++
		return int(r.data[r.pos-1])
	}
	return r.longLen()
}

func (r *reader) longLen() int {
	if !r.ok || r.pos >= len(r.data) {
		r.ok = false
		return 0
	}
	v, n := binary.Uvarint(r.data[r.pos:])
	if n <= 0 || v > uint64(len(r.data)) {
		r.ok = false
		return 0
	}
	r.pos += n
	return int(v)
}

func micros(t time.Time) int64     { return t.UnixMicro() }
func fromMicros(n int64) time.Time { return time.UnixMicro(n).UTC() }

// How a session's deadline is found. The absolute lifetime limits all of them.
const (
	expireDefault      = 0 // IdleTimeout after the last activity
	expireSliding      = 1 // ExpireIn's duration after the last activity
	expireAt           = 2 // ExpireAt's time, however often the session is used
	expireBrowserClose = 3 // as default on the server; the cookie has no Max-Age
)

// expiry is a session's own setting, kept in its envelope.
type expiry struct {
	mode   byte
	micros int64
}
