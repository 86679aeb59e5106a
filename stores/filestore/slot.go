package filestore

import (
	"cmp"
	"hash/crc64"
	"time"
)

// times are the part of a record that Touch writes, in microseconds since 1970. In one file neither of them ever
// moves back.
type times struct{ used, expires int64 }

func timesOf(used, expires time.Time) times {
	return times{used: used.UnixMicro(), expires: expires.UnixMicro()}
}

// forward returns, for each of the times, the later one of t and to.
func (t times) forward(to times) times {
	return times{used: max(t.used, to.used), expires: max(t.expires, to.expires)}
}

// before reports whether t was written before other, if both are slots of one file. Each Touch that writes moves at
// least one of the times forward and none back. So the earlier used was written first, or the earlier expires if both
// used are equal.
func (t times) before(other times) bool {
	return cmp.Or(cmp.Compare(t.used, other.used), cmp.Compare(t.expires, other.expires)) < 0
}

// slotSize is the size of used, expires and the checksum, 8 bytes each.
const slotSize = 24

var ecma = crc64.MakeTable(crc64.ECMA)

func appendSlot(b []byte, t times) []byte {
	b = be.AppendUint64(b, uint64(t.used))
	b = be.AppendUint64(b, uint64(t.expires))
	return be.AppendUint64(b, crc64.Checksum(b[len(b)-16:], ecma))
}

// parseSlot returns false if the checksum is wrong, as in a slot that was written only in part.
func parseSlot(b []byte) (times, bool) {
	t := times{used: int64(be.Uint64(b)), expires: int64(be.Uint64(b[8:]))}
	return t, be.Uint64(b[16:]) == crc64.Checksum(b[:16], ecma)
}
