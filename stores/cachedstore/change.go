package cachedstore

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A change is an entry that knows what a write has set in a session, and not the rest of the record. The rest is in
// the value of the version before, if the cache holds it. If it does not, the cache gets a fence of that version
// instead of the change, and the next Load asks the truth.
const (
	kindTouch  = 0xff // has Used and Expires
	kindUpdate = 0xfe // has Used, Expires, Data and the new Version; an empty Subject clears Subject and Labels
)

// updated returns the change that an Update of the given version to rec has made.
func updated(rec *driver.Record, version uint64, read time.Time) *entry {
	return &entry{kind: kindUpdate, version: version, rec: *rec, read: read}
}

// orFence returns the entry for a cache that holds nothing: a fence in place of a change.
func (e *entry) orFence() *entry {
	if e.kind == kindTouch || e.kind == kindUpdate {
		return fence(e.rec.ID, e.version)
	}
	return e
}

// applyTo returns the entry that the cache should hold, given what it holds now. The times that the cache knows of a
// version are never later than those of the truth, so the later of two times is right.
func (e *entry) applyTo(held *entry) *entry {
	same := held.kind == kindValue && held.version == e.version
	switch {
	case e.kind == kindFence || e.kind == kindValue && !same:
		return e
	case e.kind == kindTouch && held.kind == kindValue && held.version > e.version:
		// An Update came after this Touch in the truth. It kept the Touch's Used, and may have set another deadline.
		rec := held.rec
		rec.Used = later(rec.Used, e.rec.Used)
		return value(rec, held.read)
	case !same || e.kind == kindUpdate && !held.rec.Live(e.read): // the truth had a later deadline
		return e.orFence()
	}
	rec := e.rec
	if e.kind != kindValue {
		rec = held.rec
	}
	if e.kind == kindUpdate {
		rec.Version, rec.Data = e.rec.Version, e.rec.Data
		if e.rec.Subject == "" {
			rec.Subject, rec.Labels = "", nil
		}
	}
	rec.Used = later(held.rec.Used, e.rec.Used)
	rec.Expires = later(held.rec.Expires, e.rec.Expires)
	if e.kind == kindUpdate && e.rec.Exact {
		rec.Expires = e.rec.Expires
	}
	return value(rec, e.read)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
