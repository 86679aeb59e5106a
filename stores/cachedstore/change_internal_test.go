package cachedstore

import (
	"testing"
	"time"
)

// A value that has expired is no base for the Update of a live session: the truth had a later deadline.
func TestUpdateOntoADeadValue(t *testing.T) {
	rec, held := entryRecord, value(entryRecord, time.UnixMicro(1))
	rec.Version = 8
	for now, kind := range map[int64]byte{2: kindValue, 3: kindFence} {
		if e := updated(&rec, 7, time.UnixMicro(now)).applyTo(held); e.kind != kind {
			t.Errorf("at %d: kind %d", now, e.kind)
		}
	}
}
