package core

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The limit of sessions for each user, and the number of all sessions.

// WhenFull is what a sign-in does if the user has as many sessions as Config.MaxPerSubject allows.
type WhenFull string

const (
	// EndOldest ends the sessions that were begun first. Their requests find out as after a Revoke.
	EndOldest WhenFull = "end_oldest"

	// RefuseNew refuses the sign-in with ErrTooManySessions. A handler that wants to answer that itself calls Save after
	// Login. It shows a page with a status of 400 or more, such as "you are signed in on 3 devices". To end one of those,
	// the same handler calls Manager.RevokeOwn and then Save again.
	RefuseNew WhenFull = "refuse_new"
)

// checkLimit refuses a limit that the store cannot keep.
func (m *Manager) checkLimit() error {
	cfg := &m.cfg
	if cfg.MaxPerSubject == 0 && cfg.MaxPerSubjectFor == nil {
		if cfg.WhenFull == RefuseNew {
			return wrongField("WhenFull", "is RefuseNew, but there is no limit: set MaxPerSubject or MaxPerSubjectFor")
		}
		return nil
	}
	field := "MaxPerSubject"
	if cfg.MaxPerSubjectFor != nil {
		field = "MaxPerSubjectFor"
	}
	switch {
	case m.tokens != nil:
		return wrongField(field, "needs a store that keeps records: %s does not know how many sessions a user has",
			m.info.Name)
	case m.can.Limiter == nil && m.can.Indexer == nil:
		return wrongField(field, "needs a store that finds the sessions of a user: %s is neither a driver.Limiter nor a "+
			"driver.Indexer, see stores/README.md", m.info.Name)
	case m.can.Limiter == nil && cfg.WhenFull == RefuseNew:
		return wrongField("WhenFull", "is RefuseNew, but %s cannot count and insert in one step (driver.Limiter): "+
			"use EndOldest, or a store that can, see stores/README.md", m.info.Name)
	}
	return nil
}

// mostOf returns how many sessions a user may have, 0 for no limit.
func (m *Manager) mostOf(ctx context.Context, subject string) int {
	switch {
	case subject == "":
		return 0
	case m.cfg.MaxPerSubjectFor != nil:
		return max(m.cfg.MaxPerSubjectFor(aside{ctx}, subject), 0)
	}
	return m.cfg.MaxPerSubject
}

// insert stores the new record, and ends those of its user that are too many then.
func (j *saving) insert() error {
	if j.most == 0 {
		_, err := j.m.insert(j.ctx, j.rec, "")
		return err
	}
	if j.m.can.Limiter == nil {
		if _, err := j.m.insert(j.ctx, j.rec, ""); err != nil {
			return err
		}
		return j.trim()
	}
	limit := driver.Limit{Most: j.most, Refuse: j.m.cfg.WhenFull == RefuseNew, Except: j.replaces()}
	removed, err := j.m.insertLimited(j.ctx, j.rec, limit)
	for _, id := range removed {
		j.displaced(id)
	}
	if errors.Is(err, driver.ErrLimit) {
		err = fmt.Errorf("coatcheck: the user has %d sessions, as many as Config.MaxPerSubject allows: %w", j.most, err)
	}
	return err
}

// insertLimited is insert within a limit. It gets no saving: that would not stay on the stack.
func (m *Manager) insertLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) (removed []ID, err error) {
	err = m.timed(ctx, EventCreate, rec.ID, func(ctx context.Context) (r reply, err error) {
		removed, err = m.can.Limiter.CreateLimited(ctx, rec, limit)
		return reply{size: len(rec.Data)}, err
	})
	for _, id := range removed {
		m.watches.gone(id)
	}
	return removed, err
}

// replaces returns the sessions that this save ends once the new one is stored. They do not count.
func (j *saving) replaces() []ID {
	var ids []ID
	if j.live {
		ids = append(ids, j.old.ID)
	}
	for _, p := range j.presented {
		ids = append(ids, p.rec.ID)
	}
	return ids
}

// displaced reports a session that the limit has ended.
func (j *saving) displaced(id ID) {
	j.m.observe(j.ctx, Event{Kind: EventDestroy, ID: id, Subject: j.rec.Subject})
}

// trim ends the oldest sessions of the user that are too many, for a store that is no driver.Limiter. Each sign-in does
// so after its own record is stored, and all go by one order. So the last of them leaves as many as are allowed, and
// none ends one of the newest. The session of this request may itself be too old by then: it ends, too.
func (j *saving) trim() error {
	found, err := j.m.oldestFirst(j.ctx, *j.rec, j.replaces())
	if err != nil {
		return err
	}
	own := false
	for _, rec := range found[:max(len(found)-j.most, 0)] {
		if rec.ID == j.rec.ID {
			own = true
			continue
		}
		if err := j.m.remove(j.ctx, rec.ID, j.rec.Expires); err != nil {
			return err
		}
		j.displaced(rec.ID)
	}
	if own {
		j.undo()
		return fmt.Errorf("%w: the user has signed in %d times since", ErrEnded, j.most)
	}
	return nil
}

// oldestFirst returns the live sessions of rec's user, rec included, except those that are about to be replaced.
func (m *Manager) oldestFirst(ctx context.Context, rec driver.Record, except []ID) ([]driver.Record, error) {
	found := []driver.Record{{ID: rec.ID, Created: rec.Created}} // the walk may miss it
	for other, err := range m.can.Indexer.BySubject(ctx, rec.Subject) {
		if err = m.known(err); errors.Is(err, driver.ErrUnavailable) {
			return nil, err
		} else if err != nil { // of the others nothing is known
			break
		}
		if other.ID != rec.ID && m.space.owns(other.ID) && !driver.Ended(other.Data) && !slices.Contains(except, other.ID) {
			found = append(found, driver.Record{ID: other.ID, Created: other.Created})
		}
	}
	slices.SortFunc(found, func(a, b driver.Record) int {
		return cmp.Or(a.Created.Compare(b.Created), bytes.Compare(a.ID[:], b.ID[:]))
	})
	return found, nil
}

// Count returns the number of live sessions of this Namespace, visitors who have not signed in included. The store
// counts, which is quicker than a walk through All. It still may look at each session, so do not call Count for each
// request. Only the deadline of ctx ends it. Sessions that ended in the last 30 seconds may count.
// errors.ErrUnsupported: the store cannot count cheaply (stores/README.md).
func (m *Manager) Count(ctx context.Context) (int, error) {
	if m.can.Counter == nil {
		return 0, m.unsupported("count sessions")
	}
	n, err := m.can.Counter.Count(ctx, m.space.half)
	err = m.noAnswer(err)
	m.noteDown(ctx, err)
	return n, err
}
