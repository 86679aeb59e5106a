package memstore

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// shard is an array of entries, in chunks, with two hash tables over it: by ID and by subject. A slot is the number of
// an entry. The entries of one chain are linked by slot numbers.
//
// Compared with a Go map this saves the second copy of each ID, the pointers that the garbage collector would follow,
// and one allocation for each session. A sweep can start at any slot.
type shard struct {
	mu      sync.Mutex
	version uint64            // of the last Create or Update; versions of one ID only grow
	first   []entry           // slots 1 to chunk at most; grows with the first sessions
	chunks  []*[chunk]entry   // slots chunk+1 to 2*chunk, ...
	heads   [indexes][]uint32 // the first slot of each chain; the length is a power of two
	slots   uint32            // in use or freed
	used    uint32            // in use
	free    uint32            // first freed slot, chained by next[byID]

	byLabel map[string][]uint32 // slots; nil while no session has labels
}

// entry has 128 bytes, which are two cache lines. A chunk of 16 entries exactly fills a size class of the allocator.
type entry struct {
	id       driver.ID
	subject  string
	labels   *[]string // nil: none
	data     []byte
	created  int64 // microseconds
	used     int64
	expires  int64
	version  uint64          // 0: a freed slot
	next     [indexes]uint32 // slots; 0: none
	previous [indexes]uint32
}

const (
	chunk = 16

	byID      = 0
	bySubject = 1
	indexes   = 2
)

var seed = maphash.MakeSeed()

func (sh *shard) at(slot uint32) *entry {
	if slot <= chunk {
		return &sh.first[slot-1]
	}
	return &sh.chunks[(slot-1)/chunk-1][(slot-1)%chunk]
}

// find returns the slot of id, live or expired, or 0.
func (sh *shard) find(id *driver.ID) uint32 {
	if sh.used == 0 {
		return 0
	}
	slot := *sh.headID(id)
	for slot != 0 && sh.at(slot).id != *id {
		slot = sh.at(slot).next[byID]
	}
	return slot
}

// live returns the entry of id unless it is expired at now.
func (sh *shard) live(id *driver.ID, now int64) *entry {
	if slot := sh.find(id); slot != 0 {
		if e := sh.at(slot); now < e.expires {
			return e
		}
	}
	return nil
}

// insert puts e into a free slot and adds it to the tables.
func (sh *shard) insert(e entry) {
	slot := sh.free
	if slot != 0 {
		sh.free = sh.at(slot).next[byID]
	} else {
		slot = sh.newSlot()
	}
	*sh.at(slot) = e
	sh.used++
	sh.linkLabels(slot)
	if int(sh.used) > len(sh.heads[byID]) {
		sh.grow()
		return
	}
	sh.link(byID, slot)
	sh.link(bySubject, slot)
}

// newSlot adds a slot. The first entries come one or a few at a time, because a store of some thousand sessions has only
// a few in each shard.
func (sh *shard) newSlot() uint32 {
	switch n := int(sh.slots); {
	case n < chunk && n == len(sh.first):
		grown := make([]entry, n+min(max(n, 1), chunk/4))
		copy(grown, sh.first)
		sh.first = grown
	case n >= chunk && n%chunk == 0:
		sh.chunks = append(sh.chunks, new([chunk]entry))
	}
	sh.slots++
	return sh.slots
}

// all yields the entries in use.
func (sh *shard) all(yield func(*entry) bool) {
	for slot := uint32(1); slot <= sh.slots; slot++ {
		if e := sh.at(slot); e.version != 0 && !yield(e) {
			return
		}
	}
}

// remove removes the entry in slot and frees the slot.
func (sh *shard) remove(slot uint32) {
	sh.unlink(byID, slot)
	sh.clearNames(slot)
	*sh.at(slot) = entry{next: [indexes]uint32{byID: sh.free}}
	sh.free = slot
	sh.used--
}

// grow doubles the tables and links all entries again.
func (sh *shard) grow() {
	for index := range sh.heads {
		sh.heads[index] = make([]uint32, max(1, 2*len(sh.heads[index])))
	}
	for slot := uint32(1); slot <= sh.slots; slot++ {
		if sh.at(slot).version != 0 {
			sh.link(byID, slot)
			sh.link(bySubject, slot)
		}
	}
}

// compact rebuilds a shard of which most slots are free, to release their memory.
func (sh *shard) compact() {
	if sh.slots <= 4*chunk || sh.used > sh.slots/4 {
		return
	}
	old := shard{first: sh.first, chunks: sh.chunks, slots: sh.slots}
	sh.first, sh.chunks, sh.heads, sh.slots, sh.used, sh.free = nil, nil, [indexes][]uint32{}, 0, 0, 0
	sh.byLabel = nil
	for e := range old.all {
		sh.insert(*e)
	}
}

func (sh *shard) link(index int, slot uint32) {
	e := sh.at(slot)
	head := sh.head(index, e)
	if head == nil {
		return
	}
	e.next[index], e.previous[index] = *head, 0
	if *head != 0 {
		sh.at(*head).previous[index] = slot
	}
	*head = slot
}

func (sh *shard) unlink(index int, slot uint32) {
	e := sh.at(slot)
	head := sh.head(index, e)
	if head == nil {
		return
	}
	if e.previous[index] != 0 {
		head = &sh.at(e.previous[index]).next[index]
	}
	*head = e.next[index]
	if e.next[index] != 0 {
		sh.at(e.next[index]).previous[index] = e.previous[index]
	}
}

// head returns the start of the chain that e belongs to. It returns nil for an anonymous session in bySubject, because
// those are in no chain.
func (sh *shard) head(index int, e *entry) *uint32 {
	if index == byID {
		return sh.headID(&e.id)
	}
	if e.subject == "" {
		return nil
	}
	return sh.headSubject(e.subject)
}

func (sh *shard) headID(id *driver.ID) *uint32 {
	heads := sh.heads[byID]
	return &heads[binary.LittleEndian.Uint64(id[8:])%uint64(len(heads))]
}

func (sh *shard) headSubject(subject string) *uint32 {
	heads := sh.heads[bySubject]
	return &heads[maphash.String(seed, subject)%uint64(len(heads))]
}

func (e *entry) record() driver.Record {
	return driver.Record{
		ID: e.id, Subject: e.subject, Labels: e.labelled(), Version: e.version, Data: e.data,
		Created: time.UnixMicro(e.created), Used: time.UnixMicro(e.used), Expires: time.UnixMicro(e.expires),
	}
}
