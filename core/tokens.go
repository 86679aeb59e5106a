package core

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Saves where the token carries the record (package cookiestore). Such a store sees no conflicts, so the last
// response wins. An ID is revoked for good, so a new token that ends another one has a new ID.

func (j *saving) runTokens() error {
	err := j.sealTokens()
	if err == nil && j.stored {
		j.announce()
	}
	return err
}

func (j *saving) sealTokens() error {
	replaces := j.live && (j.rotate || j.fate == fateLogin)
	switch {
	case replaces:
		err := j.reissueToken()
		if errors.Is(err, ErrEnded) && has(j.ops, opLogin) {
			if err = j.restart(); err == nil {
				err = j.sealNew()
			}
		}
		return err
	case j.creates():
		if err := j.sealNew(); err != nil {
			return err
		}
		return j.retireAll()
	case j.live && j.fate == fateKeep && (!j.st.empty() || j.unseen || j.inPassing):
		return j.resealToken()
	}
	return j.retireAll()
}

// sealNew makes the token of a new session.
func (j *saving) sealNew() error {
	j.rec = j.newRecord()
	if j.live && (j.rotate || j.fate == fateLogin) && j.old.Subject == j.rec.Subject {
		j.rec.Epoch = j.old.Epoch // if RevokeSubject ended the old session, the new one must not outlive that
	}
	if j.passive && j.rotate && !has(j.ops, opExpiry) {
		j.rec.Used, j.rec.Expires = fromMicros(j.old.Used), fromMicros(j.old.Expires)
	}
	data, _, err := j.m.encode(&j.st)
	if err != nil {
		return err
	}
	j.rec.Data = data
	token, err := j.m.insert(j.ctx, j.rec, "")
	if errors.Is(err, driver.ErrNotFound) {
		return ErrEnded
	}
	if err != nil {
		return err
	}
	j.next.token = token
	j.token, j.deliver, j.stored = token, deliverToken, true
	return nil
}

// resealToken makes the next token of a session that goes on.
func (j *saving) resealToken() error {
	if j.m.expired(&j.old) {
		return ErrEnded
	}
	rec := j.old.record()
	j.rec = &rec
	if has(j.ops, opExpiry) || !j.inPassing && !j.passive && j.m.touchDue(&j.st.header, j.old.Used, j.now) {
		if !j.passive {
			rec.Used = fromMicros(j.now)
		}
		at := j.m.deadline(&j.st.header, j.now)
		if !has(j.ops, opExpiry) {
			at = max(at, j.old.Expires)
		}
		rec.Expires = fromMicros(at)
	}
	data, _, err := j.m.encode(&j.st)
	if err != nil {
		return err
	}
	j.rec.Data = data
	token, err := j.m.replace(j.ctx, j.rec, j.token)
	if errors.Is(err, driver.ErrNotFound) {
		return ErrEnded
	}
	if err != nil {
		return err
	}
	j.token, j.deliver, j.stored = token, deliverToken, true
	return nil
}

// reissueToken makes a token with another ID and revokes the old one.
func (j *saving) reissueToken() error {
	if j.m.expired(&j.old) {
		return ErrEnded
	}
	err := j.sealNew()
	if errors.Is(err, ErrEnded) { // a RevokeSubject; it may have excepted the old ID, and not the new one
		now, failed := j.m.look(j.ctx, j.old)
		if errors.Is(failed, driver.ErrNotFound) {
			return ErrEnded
		}
		if failed != nil {
			return failed
		}
		j.old.Epoch = now.Epoch
		err = j.sealNew()
	}
	if err != nil {
		return err
	}
	if j.rotate {
		j.rec.Created = fromMicros(j.old.Created)
	}
	how, err := j.retire(j.old)
	if err == nil && how == endedBefore {
		err = ErrEnded
	}
	if err == nil && j.fate == fateLogin {
		j.replaced = j.old.ID
	}
	if err == nil {
		err = j.retirePresented()
	}
	if err == nil && j.rotate {
		j.report(EventRotate, j.rec.ID)
	}
	return err
}

// retireAll revokes what the request came with.
func (j *saving) retireAll() error {
	if j.live {
		err := j.m.alive(j.ctx, j.old)
		how := endedBefore
		if err == nil {
			how, err = j.retire(j.old)
		} else if errors.Is(err, driver.ErrNotFound) {
			err = nil
		}
		if err != nil {
			return err
		}
		switch {
		case how == endedHere:
			j.report(EventDestroy, j.old.ID)
			if !j.stored {
				j.deliver = deliverDeletion
			}
		case j.fate == fateEnd:
			j.tooLateToEnd()
		}
	}
	return j.retirePresented()
}

func (j *saving) retirePresented() error {
	for _, p := range j.presented {
		err := j.m.remove(j.ctx, p.rec.ID, fromMicros(j.now).Add(j.m.cfg.Lifetime))
		switch {
		case errors.Is(err, driver.ErrNotFound):
			continue // revoked before
		case errors.Is(err, errors.ErrUnsupported) && p.end == endOnWrite:
			return fmt.Errorf("%w, and none of these sessions can be ended", ErrCrowded)
		case err != nil && !errors.Is(err, errors.ErrUnsupported):
			return err
		}
		j.m.observe(j.ctx, Event{Kind: EventDestroy, ID: p.rec.ID, Subject: p.rec.Subject})
		if !j.stored {
			j.deliver = deliverDeletion
		}
	}
	return nil
}

// revokeTokens ends all sessions of a user but those kept. Nobody knows how many there are.
func (m *Manager) revokeTokens(ctx context.Context, subject string, kept map[ID]bool) error {
	if m.can.SubjectRevoker == nil {
		return m.unsupported("end the sessions of a user")
	}
	calls, cancel := m.storeContext(ctx)
	defer cancel()
	err := m.timed(calls, EventDelete, ID{}, func(ctx context.Context) (reply, error) {
		until := fromMicros(m.now()).Add(m.cfg.Lifetime)
		return reply{}, m.can.SubjectRevoker.RevokeSubject(ctx, m.binding, subject, until, slices.Collect(maps.Keys(kept)))
	})
	if err == nil {
		m.watches.goneSome(subject)
		m.observe(ctx, Event{Kind: EventDestroy, Subject: subject})
	}
	return err
}

// retire makes the token of rec worthless, as far as the application wants that: a cookie store may have been told
// not to revoke.
func (j *saving) retire(rec held) (ending, error) {
	err := j.m.remove(j.ctx, rec.ID, fromMicros(j.now).Add(j.m.cfg.Lifetime))
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return endedBefore, nil
	case errors.Is(err, errors.ErrUnsupported):
		return endedHere, nil
	}
	return endedHere, err
}
