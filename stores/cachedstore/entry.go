package cachedstore

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// What the cache holds under a session's ID is a record of its own, whose Data is
//
//	1 byte   kind, which is also the format's version
//	8 bytes  Version of the session in the truth, little-endian
//	and of a value:
//	8 bytes  Created, microseconds
//	8 bytes  Expires, microseconds
//	8 bytes  when it was read, microseconds
//	1 byte   length of Subject, then Subject, then Data
//
// The Subject is not that of the cache's record: a cache needs no index.
const (
	kindValue = 1
	kindFence = 2

	fenceSize = 1 + 8
	valueSize = fenceSize + 3*8 + 1
)

// forever is the version of a tombstone: no session gets there.
const forever = math.MaxUint64

// entry is what the cache has, or is to have, to say about a session: a value,
// or a fence, which says that the session has left this version behind and that only
// the truth knows where it is now. A fence of the version forever is a tombstone.
type entry struct {
	kind    byte // 0: nothing, or nothing that can be read
	version uint64
	rec     driver.Record // of a value
	read    time.Time     // of a value: when the truth was asked for it
	fresh   bool          // to be put where there is probably nothing
}

// data encodes e. Slices of it are never written to again.
func (e *entry) data() []byte {
	b := make([]byte, 0, valueSize+len(e.rec.Subject)+len(e.rec.Data))
	b = append(b, e.kind)
	b = binary.LittleEndian.AppendUint64(b, e.version)
	if e.kind == kindFence {
		return b
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(e.rec.Created.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.rec.Expires.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, uint64(e.read.UnixMicro()))
	b = append(b, byte(len(e.rec.Subject)))
	b = append(b, e.rec.Subject...)
	return append(b, e.rec.Data...)
}

// parse decodes what the cache holds under id. What it does not understand is an
// entry of kind 0.
func parse(id driver.ID, b []byte) (e entry) {
	if len(b) < fenceSize {
		return entry{}
	}
	e.kind, e.version = b[0], binary.LittleEndian.Uint64(b[1:])
	switch {
	case e.kind == kindFence && len(b) == fenceSize:
		return e
	case e.kind != kindValue || len(b) < valueSize || len(b) < valueSize+int(b[valueSize-1]):
		return entry{}
	}
	end := valueSize + int(b[valueSize-1])
	e.read = micro(b[25:])
	e.rec = driver.Record{
		ID: id, Version: e.version, Created: micro(b[9:]), Expires: micro(b[17:]),
		Subject: string(b[valueSize:end]), Data: b[end:len(b):len(b)],
	}
	return e
}

func micro(b []byte) time.Time { return time.UnixMicro(int64(binary.LittleEndian.Uint64(b))) }

// newer reports whether e says more than other, of the same session: a later
// version, or the same with a later deadline.
func (e *entry) newer(other *entry) bool {
	switch {
	case other.kind == 0 || e.version != other.version:
		return other.kind == 0 || e.version > other.version
	case e.kind != other.kind:
		return e.kind == kindFence
	}
	return e.kind == kindValue && e.rec.Expires.UnixMicro() > other.rec.Expires.UnixMicro()
}
