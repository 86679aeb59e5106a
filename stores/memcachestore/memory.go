package memcachestore

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// memory is what was loaded last, with its cas ids: what a request is about to
// update. As nothing changes an item without changing its cas id, a write under that id may
// go by what is remembered. A session that hashes to the place of another takes it.
type memory [places]atomic.Pointer[loaded]

const (
	places    = 1 << 12
	maxMemory = 4 << 10 // bytes of Data that are worth keeping: 16 MiB in all, at most
)

// loaded is an item as the server has it. All but Data is always there: an Update needs it.
type loaded struct {
	rec   driver.Record
	cas   uint64
	nonce uint64
	whole bool // rec.Data is there
}

// place goes by the first half of the ID: the second is the same for all of an application.
func (m *memory) place(id *driver.ID) *atomic.Pointer[loaded] {
	return &m[binary.LittleEndian.Uint64(id[8:])%places]
}

func (m *memory) keep(l *loaded) {
	if len(l.rec.Data) > maxMemory {
		l = &loaded{rec: l.rec, cas: l.cas}
		l.rec.Data = nil
	}
	m.place(&l.rec.ID).Store(l)
}

// find returns the item as it was loaded with this version, or nil.
func (m *memory) find(id *driver.ID, version uint64, whole bool) *loaded {
	l := m.place(id).Load()
	if l == nil || l.rec.ID != *id || l.rec.Version != version || whole && !l.whole {
		return nil
	}
	return l
}

// drop forgets an item whose cas id is known to be old.
func (m *memory) drop(l *loaded) { m.place(&l.rec.ID).CompareAndSwap(l, nil) }
