package core

import (
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Saves that store a new session.

// maxTokens is how many selectors a new session tries. It gives up one that is taken, or whose Create got no answer.
const maxTokens = 3

// begin stores a new session, and then ends those that it replaces.
func (j *saving) begin() error {
	if err := j.create(); err != nil {
		return err
	}
	if err := j.endAll(true); err != nil {
		j.undo()
		return err
	}
	if j.undone() {
		return nil
	}
	j.begun()
	return nil
}

// begun notes what the client gets with a new session.
func (j *saving) begun() {
	j.token, j.deliver, j.stored = j.next.token, deliverToken, true
	j.announce()
}

// announce reports a Login to the Observer.
func (j *saving) announce() {
	if has(j.ops, opLogin) {
		j.m.observe(j.ctx, Event{Kind: EventLogin, ID: j.rec.ID, Subject: j.st.subject, Replaced: j.replaced})
	}
}

// create inserts a new record under the pending token. An insert that got no answer never counts as done, since
// somebody could know its token by then. Its record is removed as far as possible.
func (j *saving) create() (err error) {
	for attempt := range maxTokens {
		if attempt > 0 {
			j.next = j.m.issue()
		}
		if err = j.fillNew(); err != nil {
			return err
		}
		err = j.insert()
		switch {
		case err == nil:
			j.placed = true
			return nil
		case errors.Is(err, driver.ErrUnavailable):
			j.undo()
			if attempt > 0 || j.ctx.Err() != nil {
				return err
			}
		case !errors.Is(err, driver.ErrExists):
			return err
		}
	}
	return err
}

// newRecord is the record of a new session, without Data.
func (j *saving) newRecord() *driver.Record {
	h := &j.st.header
	return &driver.Record{
		ID: j.next.id, Subject: h.subject, Created: fromMicros(h.created), Used: fromMicros(j.now),
		Expires: fromMicros(j.m.deadline(h, j.now)),
	}
}

// fillNew makes rec the first record of a new session.
func (j *saving) fillNew() error {
	j.rec = j.newRecord()
	data, b, err := j.m.encode(&j.st)
	if err != nil {
		return err
	}
	b.begin(j.m.space.hash(j.next.token))
	j.mark = b.sign()
	j.rec.Data = j.m.seal(j.rec.ID, data, b)
	return nil
}

// rewrite puts the state into the new record. Nobody but this save has that record's token.
func (j *saving) rewrite() error {
	version := j.rec.Version
	if err := j.fillNew(); err != nil {
		return err
	}
	j.rec.Version, j.rec.Exact = version, true
	_, err := j.m.replace(j.ctx, j.rec, "")
	if err != nil {
		j.rec.Version = version
	}
	return err
}

// undoTime is how long the removal of a record may take when the save's own time is over.
const undoTime = 250 * time.Millisecond

// undo removes the new record, of which nobody will be told. If that fails, the record expires like any other, and a
// RevokeSubject finds it.
func (j *saving) undo() {
	if j.rec == nil {
		return
	}
	ctx, cancel := j.ctx, func() {}
	if ctx.Err() != nil {
		ctx, cancel = j.m.grace(ctx, undoTime)
	}
	defer cancel()
	_ = j.m.remove(ctx, j.rec.ID, j.rec.Expires)
	j.rec, j.placed = nil, false
}
