package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The envelope is what a session looks like in Record.Data, before sealing.
// Integers are big-endian; times are microseconds since 1970 in UTC; len is an unsigned
// varint as in encoding/binary.
//
//	1 byte   format, 1
//	1 byte   kind: 0 session, 1 marker of a rotated session (nothing follows but the header)
//	1 byte   expiry: 0 default, 1 sliding, 2 at a time, 3 browser close
//	1 byte   length of the codec's name, then the name
//	8 bytes  created
//	8 bytes  time of the last Login, 0 if none
//	8 bytes  expiry's duration or time in microseconds, 0 if none
//	len      subject
//	len      number of entries, then for each, in strictly rising order of keys:
//	len      key
//	len      value, as the codec wrote it
//
// Golden files in testdata keep the format: what was written once is read for ever.
const envelopeFormat = 1

const (
	kindSession = 0
	kindMarker  = 1
)

// header is the fixed part of an envelope.
type header struct {
	kind    byte
	expiry  expiry
	codec   Codec
	created int64 // microseconds
	auth    int64 // microseconds, 0 = never
	subject string
}

// entry is one key with its encoded value. Both slices are never written to.
type entry struct{ key, value []byte }

// envelope is a decoded header over entries that are still bytes, so that
// reading one key of many decodes one key.
type envelope struct {
	header
	count int
	body  []byte // the entries
}

// state is a session that is being changed: entries sorted by key.
type state struct {
	header
	entries []entry
}

func parseEnvelope(data []byte, codecs func(name []byte) Codec) (envelope, error) {
	var e envelope
	if len(data) == 0 {
		return e, driver.Corrupt("coatcheck: empty record")
	}
	if data[0] > envelopeFormat {
		return e, fmt.Errorf("%w (format %d, this one reads up to %d)", ErrFormat, data[0], envelopeFormat)
	}
	r := reader{data: data, pos: 1, ok: data[0] == envelopeFormat}
	e.kind = r.byte()
	e.expiry.mode = r.byte()
	name := r.take(int(r.byte()))
	e.created = r.int64()
	e.auth = r.int64()
	e.expiry.micros = r.int64()
	subject := r.take(r.len())
	e.count = r.len()
	e.body = data[min(r.pos, len(data)):]
	if e.kind > kindMarker || e.expiry.mode > expireBrowserClose || len(subject) > driver.MaxSubject {
		r.ok = false
	}
	var last []byte
	for i := 0; r.ok && i < e.count; i++ {
		key := r.take(r.len())
		r.take(r.len())
		if i > 0 && bytes.Compare(last, key) >= 0 {
			r.ok = false
		}
		last = key
	}
	if !r.ok || r.pos != len(data) {
		return envelope{}, driver.Corrupt("coatcheck: malformed record")
	}
	if e.codec = codecs(name); e.codec == nil {
		return envelope{}, driver.Corrupt("coatcheck: record of an unknown codec")
	}
	e.subject = string(subject)
	return e, nil
}

// find returns the encoded value under key. The envelope was checked by parseEnvelope.
func (e *envelope) find(key string) ([]byte, bool) {
	r := reader{data: e.body, ok: true}
	for range e.count {
		k := r.take(r.len())
		v := r.take(r.len())
		if string(k) == key {
			return v, true
		}
	}
	return nil, false
}

// state copies the envelope into a form that can be changed, with room for one more entry.
func (e *envelope) state() state {
	st := state{header: e.header, entries: make([]entry, 0, e.count+1)}
	r := reader{data: e.body, ok: true}
	for range e.count {
		k := r.take(r.len())
		st.entries = append(st.entries, entry{k, r.take(r.len())})
	}
	return st
}

func (st *state) index(key string) (int, bool) {
	return slices.BinarySearchFunc(st.entries, key, func(e entry, key string) int {
		if string(e.key) == key {
			return 0
		}
		if string(e.key) < key {
			return -1
		}
		return 1
	})
}

func (st *state) find(key string) ([]byte, bool) {
	i, ok := st.index(key)
	if !ok {
		return nil, false
	}
	return st.entries[i].value, true
}

func (st *state) set(key string, value []byte) {
	i, ok := st.index(key)
	if ok {
		st.entries[i].value = value
		return
	}
	st.entries = slices.Insert(st.entries, i, entry{[]byte(key), value})
}

func (st *state) remove(key string) {
	if i, ok := st.index(key); ok {
		st.entries = slices.Delete(st.entries, i, i+1)
	}
}

// encode returns the envelope in a slice of its exact length.
func (st *state) encode() []byte {
	name := st.codec.Name()
	size := 4 + len(name) + 24 + lenSize(len(st.subject)) + len(st.subject) + lenSize(len(st.entries))
	for _, e := range st.entries {
		size += lenSize(len(e.key)) + len(e.key) + lenSize(len(e.value)) + len(e.value)
	}
	b := make([]byte, 0, size)
	b = append(b, envelopeFormat, st.kind, st.expiry.mode, byte(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint64(b, uint64(st.created))
	b = binary.BigEndian.AppendUint64(b, uint64(st.auth))
	b = binary.BigEndian.AppendUint64(b, uint64(st.expiry.micros))
	b = append(binary.AppendUvarint(b, uint64(len(st.subject))), st.subject...)
	b = binary.AppendUvarint(b, uint64(len(st.entries)))
	for _, e := range st.entries {
		b = append(binary.AppendUvarint(b, uint64(len(e.key))), e.key...)
		b = append(binary.AppendUvarint(b, uint64(len(e.value))), e.value...)
	}
	return b
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
	if !r.ok || r.pos >= len(r.data) {
		r.ok = false
		return 0
	}
	if b := r.data[r.pos]; b < 0x80 {
		r.pos++
		return int(b)
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
