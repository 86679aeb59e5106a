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
//	8 bytes  Used, microseconds
//	8 bytes  Expires, microseconds
//	8 bytes  when it was read, microseconds
//	1 byte   how many Labels there are
//	         Subject and each Label, with 1 byte of length before each, then Data
//
// The Subject and the Labels are not those of the cache's record: a cache needs no index.
// Nor is Expires: see cacheRecord. No later format moves the kind. A kind that is not here is of a newer release.
const (
	kindValue = 1
	kindFence = 2
	kindNewer = 3 // this and all above

	fenceSize = 1 + 8
	valueSize = fenceSize + 4*8 + 1 + 1 // with an empty Subject
)

// forever is the version of a tombstone: no session gets there.
const forever = math.MaxUint64

// entry is what the cache has, or is to have, to say about a session: a value,
// or a fence, which says that the session has left this version behind and that only
// the truth knows where it is now. A fence of the version forever is a tombstone.
// A change (see change.go) is an entry that no cache ever holds.
type entry struct {
	kind         byte // 0: nothing, or nothing that can be read
	version      uint64
	rec          driver.Record // of a value
	read         time.Time     // of a value: when the truth was asked for it
	expectAbsent bool          // to be put where there is probably nothing
	onlyIfHeld   bool          // to be put only where there is something
}

// encode encodes e. Slices of it are never written to again.
func (e *entry) encode() []byte {
	size := valueSize + len(e.rec.Subject) + len(e.rec.Data)
	for _, label := range e.rec.Labels {
		size += 1 + len(label)
	}
	b := make([]byte, 0, size)
	b = append(b, e.kind)
	b = binary.LittleEndian.AppendUint64(b, e.version)
	if e.kind == kindFence {
		return b
	}
	for _, t := range []time.Time{e.rec.Created, e.rec.Used, e.rec.Expires, e.read} {
		b = binary.LittleEndian.AppendUint64(b, uint64(t.UnixMicro()))
	}
	b = append(b, byte(len(e.rec.Labels)))
	b = appendText(b, e.rec.Subject)
	for _, label := range e.rec.Labels {
		b = appendText(b, label)
	}
	return append(b, e.rec.Data...)
}

func appendText(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }

// parse decodes what the cache holds under id. What it does not understand is an
// entry of kind 0, or of kindNewer.
func parse(id driver.ID, b []byte) (e entry) {
	switch {
	case len(b) > 0 && b[0] >= kindNewer:
		return entry{kind: kindNewer}
	case len(b) < fenceSize:
		return entry{}
	}
	e.kind, e.version, e.rec.ID = b[0], binary.LittleEndian.Uint64(b[1:]), id
	switch {
	case e.kind == kindFence && len(b) == fenceSize:
		return e
	case e.kind != kindValue || len(b) < valueSize:
		return entry{}
	}
	e.rec = driver.Record{ID: id, Version: e.version, Created: micro(b[9:]), Used: micro(b[17:]), Expires: micro(b[25:])}
	e.read = micro(b[33:])
	labels, rest := int(b[41]), b[42:]
	var ok bool
	if e.rec.Subject, rest, ok = cutText(rest); !ok {
		return entry{}
	}
	if labels > 0 {
		e.rec.Labels = make([]string, labels)
	}
	for i := range e.rec.Labels {
		if e.rec.Labels[i], rest, ok = cutText(rest); !ok {
			return entry{}
		}
	}
	e.rec.Data = rest[:len(rest):len(rest)]
	return e
}

// cutText takes off b what appendText has put there.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) <= int(b[0]) {
		return "", nil, false
	}
	end := 1 + int(b[0])
	return string(b[1:end]), b[end:], true
}

func micro(b []byte) time.Time { return time.UnixMicro(int64(binary.LittleEndian.Uint64(b))) }

// newer reports whether e says more than other, of the same session: a later
// version, or the same with a later time.
func (e *entry) newer(other *entry) bool {
	switch {
	case other.kind == 0 || e.version != other.version:
		return other.kind == 0 || e.version > other.version
	case e.kind != other.kind:
		return e.kind == kindFence
	}
	return e.kind == kindValue &&
		(e.rec.Expires.UnixMicro() > other.rec.Expires.UnixMicro() || e.rec.Used.UnixMicro() > other.rec.Used.UnixMicro())
}

func value(rec driver.Record, read time.Time) *entry {
	return &entry{kind: kindValue, version: rec.Version, rec: rec, read: read}
}

// isRead reports whether e is what somebody has read, and not what a write has made of the session.
func (e *entry) isRead() bool { return e.onlyIfHeld || e.kind == kindValue && !e.expectAbsent }

func fence(id driver.ID, version uint64) *entry {
	return &entry{kind: kindFence, version: version, rec: driver.Record{ID: id}}
}
