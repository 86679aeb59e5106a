package filestore

import (
	"cmp"
	"hash/crc64"
	"time"
)

// times are the part of a record that Touch writes, in microseconds since 1970. As long
// as a file lasts, neither goes back.
type times struct{ used, expires int64 }

func timesOf(used, expires time.Time) times {
	return times{used: used.UnixMicro(), expires: expires.UnixMicro()}
}

// forward returns each of the times, or that of to where it is later.
func (t times) forward(to times) times {
	return times{used: max(t.used, to.used), expires: max(t.expires, to.expires)}
}

// before says which of a file's two slots was written first. Each Touch that writes moves
// one time forward, be it only used, and none back; so used decides, and expires where used
// stayed.
func (t times) before(other times) bool {
	return cmp.Or(cmp.Compare(t.used, other.used), cmp.Compare(t.expires, other.expires)) < 0
}

// slotSize is used, expires and the check, 8 bytes each.
const slotSize = 24

var ecma = crc64.MakeTable(crc64.ECMA)

func appendSlot(b []byte, t times) []byte {
	b = be.AppendUint64(b, uint64(t.used))
	b = be.AppendUint64(b, uint64(t.expires))
	return be.AppendUint64(b, crc64.Checksum(b[len(b)-16:], ecma))
}

// parseSlot answers false for a slot that was written in part.
func parseSlot(b []byte) (times, bool) {
	t := times{used: int64(be.Uint64(b)), expires: int64(be.Uint64(b[8:]))}
	return t, be.Uint64(b[16:]) == crc64.Checksum(b[:16], ecma)
}
