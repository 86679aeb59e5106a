package memcachestore

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// memory remembers the items that were loaded last, with their cas ids. Requests mostly update what they have just
// loaded. Every change of an item changes its cas id, so a cas may rely on what is remembered under its id. A session
// replaces another that hashes to the same slot.
type memory [slots]atomic.Pointer[loaded]

const (
	slots         = 1 << 12
	maxRemembered = 4 << 10 // bytes of Data; larger Data is not remembered, so memory takes at most 16 MiB
)

// loaded is an item as it was read from the server. A remembered one may lack Data, but has all else: an Update needs
// that.
type loaded struct {
	rec     driver.Record
	cas     uint64
	nonce   uint64
	hasData bool
}

// slot goes by the first half of the ID, because the second half is the same for all sessions of an application.
func (m *memory) slot(id *driver.ID) *atomic.Pointer[loaded] {
	return &m[binary.LittleEndian.Uint64(id[8:])%slots]
}

func (m *memory) keep(l *loaded) {
	if len(l.rec.Data) > maxRemembered {
		l = &loaded{rec: l.rec, cas: l.cas}
		l.rec.Data = nil
	}
	m.slot(&l.rec.ID).Store(l)
}

// find returns the remembered item if it has this version, and otherwise nil. withData says that an item without Data
// will not do.
func (m *memory) find(id *driver.ID, version uint64, withData bool) *loaded {
	l := m.slot(id).Load()
	if l == nil || l.rec.ID != *id || l.rec.Version != version || withData && !l.hasData {
		return nil
	}
	return l
}

// drop forgets an item whose cas id is out of date.
func (m *memory) drop(l *loaded) { m.slot(&l.rec.ID).CompareAndSwap(l, nil) }
