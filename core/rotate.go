package core

import (
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// markerNext is the marker's only entry: the ID that took over.
const markerNext = reserved + "next"

// move gives the session its next ID. The new record is there before the old one becomes a
// marker, and if the old one cannot become one, the new one goes again: a failed rotation
// loses nothing and leaves one session, not two.
func (j *saving) move() error {
	j.rec = &driver.Record{ID: j.next.id}
	for attempt := 0; ; attempt++ {
		err := j.fill()
		if err == nil {
			marker := j.marker()
			if err = j.m.swap(j.ctx, &marker, j.rec); err == nil {
				break
			}
			if errors.Is(err, driver.ErrUnavailable) {
				moved, known := j.moved()
				if moved {
					break // the store did it and could not say so
				}
				if !known {
					return err // the new record may be the only one left
				}
			}
			err = j.again(attempt, err)
		}
		if err != nil {
			j.undo()
			return err
		}
	}
	j.report(EventRotate, j.rec.ID)
	j.written(j.next.token, deliverToken)
	return nil
}

// marker is what the old record becomes: for a while, a request that still arrives with the
// old token is known to be late, and not taken for a new visitor.
func (j *saving) marker() driver.Record {
	st := state{
		header:  header{kind: kindMarker, codec: JSON, created: j.st.created, expiry: expiry{expireAt, j.now + markerLife.Microseconds()}},
		changes: []entry{{markerNext, append([]byte(nil), j.next.id[:]...)}},
	}
	rec := j.old
	rec.Subject = ""
	rec.Expires = fromMicros(st.expiry.micros)
	rec.Data, _ = j.m.seal(&st, rec.ID) // smaller than any MaxSize
	return rec
}

// moved reports whether the old record has become this save's own marker.
func (j *saving) moved() (moved, known bool) {
	var rec driver.Record
	var st state
	err := j.m.fetch(j.ctx, j.old.ID, &rec, &st)
	if err != nil || st.kind != kindMarker {
		return false, err == nil || errors.Is(err, driver.ErrNotFound)
	}
	id, _ := st.find(markerNext)
	return string(id) == string(j.next.id[:]), true
}

// reissue is move where the token carries the record: the old token is revoked.
func (j *saving) reissue() error {
	j.rec = &driver.Record{ID: j.next.id}
	if err := j.fill(); err != nil {
		return err
	}
	if err := j.m.alive(j.ctx, j.old); err != nil {
		return j.again(0, err)
	}
	token, err := j.m.insert(j.ctx, j.rec, "")
	if err == nil {
		err = j.retire(j.old)
	}
	if err != nil {
		return j.again(0, err)
	}
	j.report(EventRotate, j.rec.ID)
	j.written(token, deliverToken)
	return nil
}
