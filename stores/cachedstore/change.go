package cachedstore

import (
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Changes: entries that say what the truth has done to a version of a session, but not
// all of what it has now. The rest is in the value of that version which the cache holds.
// Without one, a change is a fence of that version, and the truth is asked.
const (
	kindTouch  = 0xff // Used and Expires
	kindUpdate = 0xfe // the same, Data and the new Version; the Subject if it is ""
)

// updated is what became of the given version by an Update to rec.
func updated(rec *driver.Record, version uint64, read time.Time) *entry {
	return &entry{kind: kindUpdate, version: version, rec: *rec, read: read}
}

// orFence returns what is put where the cache holds nothing.
func (e *entry) orFence() *entry {
	if e.kind == kindTouch || e.kind == kindUpdate {
		return fence(e.rec.ID, e.version)
	}
	return e
}

// applyTo returns the entry that e makes of what the cache holds. What the cache knows of a
// version is never later than what the truth has, so the later of two times is right.
func (e *entry) applyTo(held *entry) *entry {
	same := held.kind == kindValue && held.version == e.version
	switch {
	case e.kind == kindFence || e.kind == kindValue && !same:
		return e
	case e.kind == kindTouch && held.kind == kindValue && held.version > e.version:
		// An Update came between, and kept the Used of this Touch. Of the deadline it may have made another.
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
