package core

import (
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The save of a Login, which puts a new session in the place of the old one.

// login begins a session that takes over what the visitor gathered, and ends the session that the request came with.
// The new record is there before the old one ends. Nobody has its token until the response is out. So any failure
// leaves the old session or the new one, and not two.
func (j *saving) login() error {
	// Other sessions that the request brought are ended first: once the old session is over, nothing may fail any
	// more.
	done := false
	defer func() {
		if !done { // an error, or a panic of a function given to Update
			j.undo()
		}
	}()
	if err := j.endAll(false); err != nil {
		return err
	}
	if err := j.takeOver(); err != nil {
		return err
	}
	done = true
	j.begun()
	return nil
}

// old says what has become of the session that the request came with.
type old byte

const (
	oldEnded   old = iota // this save ended it
	oldSame               // it is unchanged
	oldChanged            // it has a newer version, which old and st now hold
	oldOver               // another request ended it; st is what the new session is to hold
	oldUnknown            // the store does not say
	oldFailed             // the Login cannot go on
)

// takeOver writes the new record and ends the old one. If another request has changed the old one meanwhile, it
// starts again from that.
func (j *saving) takeOver() error {
	if j.m.deadline(&j.st.header, j.now) <= j.now { // ExpireAt's time came while the request was under way
		if err := j.restart(); err != nil {
			return err
		}
	}
	for attempt := 0; ; attempt++ {
		mark, err := j.replaceOld()
		if err == nil {
			j.replaced = j.old.ID
			return nil
		}
		if !j.placed && j.inTwoSteps() {
			return err // nothing was done to the old one yet
		}
		what, err := j.lookAtOld(attempt, mark, err)
		j.unknown = what == oldUnknown
		switch {
		case what == oldUnknown && j.placed && j.old.Subject == "":
			j.replaced = j.old.ID
			return nil // the new session has all that the old one had
		case err != nil:
			return err
		case what == oldEnded:
			j.replaced = j.old.ID
			return j.findNew()
		case what == oldOver:
			return j.place()
		case what == oldChanged && j.placed:
			if err := j.place(); err != nil {
				return err
			}
		}
	}
}

// inTwoSteps reports whether a save inserts the new record before it ends the old one. A limit is checked by the insert.
func (j *saving) inTwoSteps() bool { return j.m.can.Successor == nil || j.most > 0 }

// replaceOld stores the new record, unless it is there already, and ends the old one. mark is the write mark of the
// old one's last record.
func (j *saving) replaceOld() (mark uint64, err error) {
	if !j.placed && j.inTwoSteps() {
		if err := j.create(); err != nil {
			return 0, err
		}
	}
	over := j.old.record()
	mark = j.m.makeEnded(&over, kindEndedByLogin, j.now)
	if j.old.Subject == j.st.subject {
		over.Subject = j.old.Subject // for RevokeSubject, see revokeAll
	}
	if j.ending == 0 {
		j.ending = mark
	}
	mark = j.ending // the same for all attempts: an earlier one may be carried out after lookAtOld
	block(over.Data).put(mark)
	if j.placed {
		_, err = j.m.replace(j.ctx, &over, "")
		return mark, err
	}
	for attempt := range maxTokens {
		if attempt > 0 {
			j.next = j.m.issue()
		}
		if err := j.fillNew(); err != nil {
			return mark, err
		}
		if err = j.m.succeed(j.ctx, &over, j.rec); !errors.Is(err, driver.ErrExists) {
			break
		}
	}
	j.placed = err == nil
	return mark, err
}

// lookAtOld finds out why the old session could not be ended.
func (j *saving) lookAtOld(attempt int, mark uint64, failed error) (old, error) {
	lost := errors.Is(failed, driver.ErrUnavailable)
	switch {
	case errors.Is(failed, driver.ErrNotFound):
		return j.oldGone()
	case !lost && !errors.Is(failed, driver.ErrConflict):
		return oldFailed, failed
	}
	var rec held
	err := j.m.fetchPastCaches(j.ctx, j.old.ID, &rec)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return j.oldGone()
	case err != nil && lost:
		return oldUnknown, failed
	case err != nil:
		return oldFailed, err
	}
	b, ok := blockOf(rec.Data)
	switch {
	case ok && b.mark() == mark:
		return oldEnded, nil
	case ok && b.kind() == kindEndedByLogin:
		return oldOver, j.beside()
	case ok && b.kind() == kindEnded:
		return oldOver, j.restart()
	}
	if err := j.pause(attempt); err != nil {
		return oldFailed, err
	}
	if rec.Version == j.old.Version {
		return oldSame, nil
	}
	if err := j.adopt(&rec); errors.Is(err, ErrEnded) {
		return oldOver, j.restart()
	} else if err != nil {
		return oldFailed, err
	}
	return oldChanged, nil
}

// oldGone handles a missing old record. A user's session that is gone before its deadline was revoked. A sign-in that
// followed from it must not outlive that.
func (j *saving) oldGone() (old, error) {
	if j.old.Subject != "" && j.old.Subject == j.st.subject && j.now < j.old.Expires {
		return oldFailed, ErrEnded
	}
	return oldOver, j.restart()
}

// restart makes the state that this request alone would have made. What the request did before its Login was for the
// user for whom it had loaded the session.
func (j *saving) restart() error {
	st := j.m.blank(j.now)
	st.codec, st.subject = j.st.codec, j.old.Subject // the ops' values are in the codec
	if err := st.replay(j.ops); err != nil {
		return err
	}
	j.st, j.reloaded = st, true
	return nil
}

// beside makes the state of a session that stands beside that of another request's Login: what this request loaded
// and did. The messages belong to the other session.
func (j *saving) beside() error {
	var st state
	if err := j.m.open(&j.old, &st); err != nil {
		return err
	}
	dropped := st.dropFlashes()
	if err := st.replay(j.ops); err != nil {
		return err
	}
	j.reloaded = j.reloaded || dropped
	j.st = st
	return nil
}

// place stores the state under the new token.
func (j *saving) place() error {
	if !j.placed {
		return j.create()
	}
	err := j.rewrite()
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return ErrEnded // it was revoked
	case errors.Is(err, driver.ErrConflict): // somebody has found it by its user, and changed it
		j.undo()
		j.next = j.m.issue()
		return j.create()
	}
	return err
}

// findNew learns the version of a record that the store has written, if its answer was lost.
func (j *saving) findNew() error {
	if j.placed {
		return nil
	}
	j.placed = true
	var now held
	err := j.m.fetchPastCaches(j.ctx, j.rec.ID, &now)
	if errors.Is(err, driver.ErrNotFound) {
		return ErrEnded // it was revoked
	}
	j.rec.Version = now.Version
	return nil // without the version, the next write of this request begins with a conflict
}
