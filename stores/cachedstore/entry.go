package cachedstore

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The cache holds a record of its own under a session's ID. The Data of that record is an entry:
//
//	1 byte   kind, which is also the format's version
//	8 bytes  Version of the session in the truth, little-endian
//	and of a value:
//	8 bytes  Created, microseconds
//	8 bytes  Used, microseconds
//	8 bytes  Expires, microseconds
//	8 bytes  when it was read from the truth, microseconds
//	1 byte   how many Labels there are
//	         Subject and each Label, with 1 byte of length before each, then Data
//
// The cache's record itself has no Subject and no Labels, because a cache needs no index. Its Expires is not the
// session's: see cacheRecord. The kind stays the first byte in every later format. A higher kind than those here was
// written by a newer release.
const (
	kindValue = 1
	kindFence = 2
	kindNewer = 3 // of a newer release: this kind and all above

	fenceSize = 1 + 8
	valueSize = fenceSize + 4*8 + 1 + 1 // with an empty Subject
)

// forever is the version of a tombstone. No session ever has it.
const forever = math.MaxUint64

// entry is what the cache holds, or is to hold, about a session. It is one of these:
//
//   - a value: the session's record;
//   - a fence: the session has a later version than this, which only the truth knows;
//   - a tombstone, which is a fence of the version forever: the session has ended;
//   - a change (see change.go), which is never stored in the cache.
type entry struct {
	kind         byte // 0: there is no entry, or none that can be read
	version      uint64
	rec          driver.Record // of a value or a change; of a fence it has the ID only
	read         time.Time     // when the truth was asked; not of a fence
	expectAbsent bool          // the cache probably holds nothing yet: try Create first
	onlyIfHeld   bool          // write it only if the cache holds something
}

// encode returns the bytes of a value or a fence. Nothing writes to them again.
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

// parse decodes what the cache holds under id. Bytes that it cannot read become an entry of kind 0, or of kindNewer.
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

// cutText splits off the text that appendText has written at the beginning of b.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	if len(b) == 0 || len(b) <= int(b[0]) {
		return "", nil, false
	}
	end := 1 + int(b[0])
	return string(b[1:end]), b[end:], true
}

func micro(b []byte) time.Time { return time.UnixMicro(int64(binary.LittleEndian.Uint64(b))) }

// newer reports whether e is newer than other, which is of the same session: it has a later version, or the same
// version and a later time. Of a value and a fence of one version the fence is newer.
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

// isRead reports whether e comes from a read of the truth, and not from a write.
func (e *entry) isRead() bool { return e.onlyIfHeld || e.kind == kindValue && !e.expectAbsent }

func fence(id driver.ID, version uint64) *entry {
	return &entry{kind: kindFence, version: version, rec: driver.Record{ID: id}}
}
