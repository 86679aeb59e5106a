package core

import (
	"errors"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Saves that end sessions.

// ending says how a session that was to be ended has ended.
type ending byte

const (
	endedHere    ending = iota // by this save
	endedByLogin               // by a Login of another request
	endedBefore                // by something else
)

// makeEnded makes rec the record of an ended session.
func (m *Manager) makeEnded(rec *driver.Record, kind byte, now int64) (mark uint64) {
	b := block(make([]byte, blockSize))
	copy(b, rec.Data)
	b.end(kind, now)
	mark = b.sign()
	rec.Data = b
	rec.Subject, rec.Labels, rec.Exact = "", nil, true
	rec.Used, rec.Expires = fromMicros(now), fromMicros(now+lateFor)
	return mark
}

// finish ends the request's session, and begins no other.
func (j *saving) finish() error {
	if !j.live && len(j.presented) == 0 && !j.adopted {
		if j.fate != fateEnd {
			return nil // the request undid what it did
		}
		j.tooLateToEnd()
		return nil
	}
	return j.endAll(true)
}

// tooLateToEnd reports a Logout that came late. Such a Logout does not touch the session that followed its own.
func (j *saving) tooLateToEnd() {
	j.m.observe(j.ctx, Event{Kind: EventDropped, ID: j.old.ID, Err: errLate})
	if skipped, ok := j.m.throttle.allow(EventLate, j.m.now()); ok { // a client can send it again and again
		j.m.cfg.Logger.InfoContext(aside{j.ctx}, "coatcheck: a Logout came after its session had ended or been rotated, and did nothing",
			"skipped", skipped)
	}
}

// endAll ends the sessions that the request presented. If session is true, it ends the request's own session, too. If
// one of them was alive until now, the client's cookie is deleted.
func (j *saving) endAll(session bool) error {
	all := j.presented
	if session && j.live {
		all = append(slices.Clip(all), presented{rec: j.old})
	}
	kind := byte(kindEnded)
	if has(j.ops, opLogin) && j.fate != fateEnd {
		kind = kindEndedByLogin
	}
	for _, p := range all {
		how, err := j.end(p.rec, kind)
		if err != nil {
			return err
		}
		switch {
		case how == endedHere:
			j.deliver = deliverDeletion
			if kind == kindEnded || !session || !j.replaced.IsZero() {
				j.m.observe(j.ctx, Event{Kind: EventDestroy, ID: p.rec.ID, Subject: p.rec.Subject})
			} else {
				j.replaced = p.rec.ID
			}
		case how == endedByLogin && j.live && p.rec.ID == j.old.ID:
			j.overtaken = true
		}
	}
	return nil
}

// undone reports whether another request's Login was faster. The client then has the session of that Login, so the
// session that a Destroy and a Set began is removed.
func (j *saving) undone() bool {
	if !j.overtaken || has(j.ops, opLogin) {
		return false
	}
	j.undo()
	j.deliver = deliverNothing
	return true
}

// end ends one session by a version-checked write. So no request under way brings it back, and a late request is
// known as late. If the store has no room for that, or cannot say, the record is deleted. A Login fails instead: the
// session that it wanted to replace may hold what another request has just stored.
func (j *saving) end(rec held, kind byte) (ending, error) {
	var err error
	for attempt := 0; rec.Version > 0; attempt++ {
		over := rec.record()
		j.m.makeEnded(&over, kind, j.now)
		_, err = j.m.replace(j.ctx, &over, "")
		switch {
		case err == nil:
			return endedHere, nil
		case errors.Is(err, driver.ErrNotFound):
			return endedBefore, nil
		case !errors.Is(err, driver.ErrConflict):
			return j.delete(rec.ID, kind, err)
		}
		if err = j.pause(attempt); err != nil {
			return endedBefore, err
		}
		err = j.m.fetchPastCaches(j.ctx, rec.ID, &rec)
		if errors.Is(err, driver.ErrNotFound) {
			return endedBefore, nil
		}
		if err != nil {
			return j.delete(rec.ID, kind, err)
		}
		switch b, ok := blockOf(rec.Data); {
		case ok && b.kind() == kindEndedByLogin:
			return endedByLogin, nil
		case ok && b.kind() == kindEnded:
			return endedBefore, nil
		}
	}
	return j.delete(rec.ID, kindEnded, nil) // the store cannot read it, so it has no version
}

func (j *saving) delete(id driver.ID, kind byte, why error) (ending, error) {
	if kind == kindEndedByLogin {
		return endedBefore, why
	}
	if err := j.m.remove(j.ctx, id, fromMicros(j.now).Add(j.m.cfg.Lifetime)); err != nil {
		return endedBefore, errors.Join(err, why)
	}
	return endedHere, nil
}
