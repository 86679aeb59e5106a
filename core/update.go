package core

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Saves that rewrite a session which lives on.

// update rewrites a live record. It tries again while other requests are faster.
func (j *saving) update() error {
	j.seeTimes()
	j.rec = new(driver.Record)
	for attempt := 0; ; attempt++ {
		*j.rec = j.old.record()
		vanishes := j.st.empty() && !j.unseen && !j.inPassing
		var err error
		if vanishes {
			j.mark = j.m.makeEnded(j.rec, kindEnded, j.now)
		} else if err = j.fill(); err != nil {
			return err
		}
		_, err = j.m.replace(j.ctx, j.rec, "")
		stored := err == nil || j.answerLost(err, j.rec)
		if !stored {
			if stored, err = j.again(attempt, err); err != nil {
				return err
			}
		}
		switch {
		case stored && vanishes:
			j.deliver = deliverDeletion
			j.report(EventDestroy, j.old.ID)
			return nil
		case stored:
			j.updated()
			return nil
		}
	}
}

// seeTimes loads the record's times before a save that can send no cookie moves the deadline. Pages may have touched
// the record since old was loaded, and a Touch does not change the version. Without these times the next page would
// find the session used just now, and would not renew the browser's cookie.
func (j *saving) seeTimes() {
	if !j.unseen || j.passive || !j.m.touchDueUnseen(&j.st.header, j.old.Used, j.old.Expires, j.now) {
		return
	}
	var now held
	if j.m.fetchPastCaches(j.ctx, j.old.ID, &now) == nil && now.Version == j.old.Version {
		j.old.Used, j.old.Expires = now.Used, now.Expires
	}
}

// updated notes what follows from a write that was acknowledged.
func (j *saving) updated() {
	j.stored = true
	switch {
	case j.rotate:
		j.token, j.deliver = j.next.token, deliverToken
		j.report(EventRotate, j.rec.ID)
	case j.outdated:
		j.token = ""
	case has(j.ops, opExpiry):
		j.deliver = deliverToken
	case micros(j.rec.Expires) > j.old.Expires && !j.unseen:
		j.deliver = deliverRefresh
	}
}

// fill makes rec, which is a copy of old, hold the state.
func (j *saving) fill() error {
	rec := j.rec
	rec.Exact = has(j.ops, opExpiry)
	if used, expires := j.old.Used, j.old.Expires; j.moves(used, expires) {
		if !j.passive {
			rec.Used = fromMicros(max(used, j.now))
		}
		if at := j.m.deadline(&j.st.header, j.now); rec.Exact || at > expires {
			rec.Expires = fromMicros(at)
		}
	}
	data, b, err := j.m.encode(&j.st)
	if err != nil {
		return err
	}
	copy(b[atKind:], rec.Data[atKind:]) // the format stays the one that encode wrote
	if j.rotate {
		b.rotate(j.m.space.hash(j.next.token), j.now)
	}
	j.mark = b.sign()
	rec.Data = j.m.seal(rec.ID, data, b)
	return nil
}

// moves reports whether this write moves the deadline and records the session's use.
func (j *saving) moves(used, expires int64) bool {
	switch h := &j.st.header; {
	case j.inPassing:
		return false
	case j.rec.Exact:
		return true
	case j.passive:
		return false
	case j.unseen:
		return j.m.touchDueUnseen(h, used, expires, j.now)
	default:
		return j.m.touchDue(h, used, j.now)
	}
}

// again looks at why a write failed. After a conflict it loads what another request stored and applies this request's
// ops to it. It returns every other error. The conflict may be with this write itself: the store's client has lost the
// answer and sent it once more. Then again returns true, and rec becomes what the store holds.
func (j *saving) again(attempt int, failed error) (stored bool, err error) {
	if errors.Is(failed, driver.ErrNotFound) {
		return false, ErrEnded
	}
	if !errors.Is(failed, driver.ErrConflict) {
		return false, failed
	}
	if err := j.pause(attempt); err != nil {
		return false, err
	}
	var rec held
	err = j.m.fetchPastCaches(j.ctx, j.old.ID, &rec)
	if errors.Is(err, driver.ErrNotFound) {
		return false, ErrEnded
	}
	if err != nil {
		return false, err
	}
	if j.carriedOut(&rec) {
		*j.rec = rec.record()
		return true, nil
	}
	return false, j.reload(&rec)
}

// reload starts again from what the store holds now.
func (j *saving) reload(rec *held) error {
	mine, theirs := j.old.Data, rec.Data
	if err := j.adopt(rec); err != nil {
		return err
	}
	if !sameToken(mine, theirs) {
		// A RotateID of another request is as good as ours. After a renewal, ours is still wanted.
		j.rotate = j.rotate && block(mine).rotations() == block(theirs).rotations()
		j.outdated = !j.rotate
	}
	return nil
}

// adopt makes rec, a newer version of old, the base on which this request's ops apply.
func (j *saving) adopt(rec *held) error {
	if b, ok := blockOf(rec.Data); ok && b.kind() != kindSession {
		return ErrEnded
	}
	var st state
	if err := j.m.open(rec, &st); err != nil {
		return err
	}
	if j.m.over(&st.header, rec.Used, j.now) {
		return ErrEnded
	}
	if err := st.replay(j.ops); err != nil {
		return err
	}
	j.old, j.st, j.reloaded = *rec, st, true
	return nil
}

// answerLost finds out whether a write that got no answer was carried out. If so, rec becomes what the store holds.
func (j *saving) answerLost(failed error, rec *driver.Record) (done bool) {
	if !errors.Is(failed, driver.ErrUnavailable) {
		return false
	}
	var now held
	if j.unknown = j.m.fetchPastCaches(j.ctx, rec.ID, &now) != nil; j.unknown {
		return false
	}
	if !j.carriedOut(&now) {
		j.unknown = now.Version != j.old.Version
		return false
	}
	*rec = now.record()
	return true
}

// carriedOut reports whether now, which the store holds, has this save's write.
func (j *saving) carriedOut(now *held) bool {
	b, ok := blockOf(now.Data)
	if !ok || b.mark() == j.mark {
		return ok
	}
	if !j.rotate || b.kind() != kindSession || !j.placedToken(b) {
		return false
	}
	// Another request has written since, on top of a record that takes our token.
	var st state
	if j.m.open(now, &st) != nil {
		return false
	}
	j.st, j.reloaded = st, true
	return true
}

// placedToken reports whether the session takes the token that this save was to give it.
func (j *saving) placedToken(b block) bool {
	hash := j.m.space.hash(j.next.token)
	return b.takes(&hash)
}

// pause waits a random time, which grows with attempt, within what StoreTimeout leaves.
func (j *saving) pause(attempt int) error {
	j.report(EventConflict, j.old.ID)
	if attempt == 0 {
		j.started = time.Now()
	}
	if attempt < 4 {
		runtime.Gosched()
	} else {
		time.Sleep(rand.N(min(time.Duration(attempt)*500*time.Microsecond, 20*time.Millisecond)))
	}
	if err := j.ctx.Err(); err != nil {
		return driver.Unavailable("coatcheck: "+j.m.info.Name, err)
	}
	if time.Since(j.started) > j.m.cfg.StoreTimeout {
		return driver.ErrConflict
	}
	return nil
}
