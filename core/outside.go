package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Sessions are read and changed outside of their requests: by an administrator, a job, a webhook.

// errOver is the error for an ID that no live session has.
var errOver = fmt.Errorf("%w: %w", ErrEnded, driver.ErrNotFound)

// errOutside refuses what needs a response.
var errOutside = fmt.Errorf("coatcheck: Manager.Change has no response that could carry a new token or cookie: %w", errors.ErrUnsupported)

// Session returns the live session with this ID as a view, which can be read and not changed. Reading it is no use of
// the session. The session is never nil: after an error its methods return that error. Spring Session: findById.
//
// ErrEnded and ErrNotFound, both: no live session has this ID. ErrNotFound alone: the ID is of another Namespace.
// ErrCorrupt, ErrUnreadable: the session cannot be read here. errors.ErrUnsupported: the store keeps no records.
func (m *Manager) Session(ctx context.Context, id ID) (*Session, error) {
	h, st, err := m.find(ctx, "Session", id)
	if err != nil {
		return deadSession(err), err
	}
	return m.view(h, st), nil
}

// Change changes a live session outside of its request: new rights, the result of a job, a message. It loads the
// session, calls change once, and stores what that did, under the rules for requests that overlap: if a request, or
// another Change, stores first, what change did is applied again to that. Django: SessionStore(session_key) and save().
//
// An error of change, or a panic in it, means that nothing is stored, except what its own Save has stored. So does an
// ignored error of a method of the session. The session is closed after change has returned. A change of values is not
// a use of the session: it moves neither the deadline nor LastUsed. ExpireIn, ExpireAt and Destroy work.
// Login, RotateID and ExpireAtBrowserClose return errors.ErrUnsupported: nobody would get the new token or cookie.
//
// The errors are those of Manager.Session. ErrEnded: the session had ended, or has ended meanwhile, and nothing was
// created. If a request begins the session, and starts the job that is to change it, it calls Save before. A Login begins
// another session with another ID: see ChangeSubject. A request under way that has loaded the session goes on with what
// it loaded, the request whose context this is included.
func (m *Manager) Change(ctx context.Context, id ID, change func(*Session) error) error {
	h, st, err := m.find(ctx, "Change", id)
	if err != nil {
		return err
	}
	x := &Exchange{phase: phaseSent, passive: true}
	x.begin(m, aside{ctx})
	x.now = m.roughly()
	x.begun = x.now
	s := newSession(&hidden{x: x, rec: h, cur: st, live: true, sent: true, accessed: true, rare: &rare{outside: true}})
	x.s.Store(s)
	defer func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.close(s, ErrClosed)
	}()
	if err := change(s); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("coatcheck: Change: nothing was stored: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return exposed(x.save(ctx, s))
}

// ChangeSubject is Change for all sessions of a user, and returns how many it changed: the user's rights are others
// now, in all their tabs and devices. After a nil error, each session of the user has the change that was live when the
// call began, and so has a session that a sign-in of the user put into its place meanwhile. Such a session may get the
// change twice, so change should set values, and not count.
//
// The first error of change ends it, unless that session has just ended: the number counts the sessions that were
// changed before. ErrUnreadable: all others were changed, and there are sessions that this process cannot read.
// ErrIncomplete: as for Sessions. ErrConflict: the user signed in again and again meanwhile. errors.ErrUnsupported: the
// store has no index by user. Damaged sessions are skipped, with an event and a line in the log.
func (m *Manager) ChangeSubject(ctx context.Context, subject string, change func(*Session) error) (int, error) {
	if m.can.Indexer == nil {
		return 0, m.unsupported("list the sessions of a user")
	}
	if subject == "" {
		return 0, nil
	}
	n := 0
	var left error // of the first incomplete walk, or of sessions that cannot be read
	seen, succeeded := map[ID]bool{}, map[ID]bool{}
	for range 20 { // in passes, as revokeAll
		before := len(succeeded)
		found, failed := m.recordsOf(ctx, subject, seen, succeeded)
		if errors.Is(failed, driver.ErrUnavailable) {
			m.noteDown(ctx, failed)
			return n, failed
		}
		if left == nil {
			left = failed
		}
		for _, id := range found {
			seen[id] = true
			own := false // err is change's own, which may look like one of ours
			err := m.Change(ctx, id, func(s *Session) error {
				err := change(s)
				own = err != nil && s.Err() == nil
				return err
			})
			switch {
			case err == nil:
				n++
			case own:
				return n, err
			case errors.Is(err, ErrEnded), errors.Is(err, driver.ErrCorrupt):
			case errors.Is(err, ErrUnreadable):
				left = err
			default:
				return n, err
			}
		}
		if len(found) == 0 && len(succeeded) == before {
			return n, left
		}
	}
	return n, fmt.Errorf("coatcheck: ChangeSubject: the user signed in again and again meanwhile: %w", driver.ErrConflict)
}

// find loads the live session with this ID, past every cache.
func (m *Manager) find(ctx context.Context, what string, id ID) (h held, st state, err error) {
	if m.store == nil {
		return h, st, m.unsupported("find a session by its ID")
	}
	if !m.space.owns(id) {
		return h, st, notOurs(what, id)
	}
	calls, cancel := m.storeContext(ctx)
	defer cancel()
	err = m.fetchPastCaches(calls, id, &h)
	if b, ok := blockOf(h.Data); err == nil && ok && b.kind() != kindSession {
		err = driver.ErrNotFound
	}
	if err == nil {
		err = m.open(&h, &st)
	}
	switch {
	case errors.Is(err, driver.ErrUnavailable):
		m.noteDown(ctx, err)
	case errors.Is(err, driver.ErrNotFound), err == nil && m.over(&st.header, h.Used, m.now()):
		err = errOver
	case err != nil:
		m.cannotRead(ctx, id, "session not found by its ID, since it cannot be read", err)
	}
	return h, st, err
}

// view makes a session that can be read and not changed.
func (m *Manager) view(h held, st state) *Session {
	return newSession(&hidden{rec: h, live: true, cur: st, rare: &rare{lister: m}})
}

// cannotRead reports a session that an administrator asked for.
func (m *Manager) cannotRead(ctx context.Context, id ID, text string, err error) {
	kind := EventCorrupt
	if errors.Is(err, ErrUnreadable) {
		kind = EventUnreadable
	}
	m.observe(ctx, Event{Kind: kind, ID: id, Err: err})
	m.warn(ctx, kind, text, "session", id, "error", err)
}
