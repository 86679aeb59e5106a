package core

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Administration: sessions are listed and revoked by their ID or their user.

// Sessions walks through the live sessions of a user, in any order: the list of their devices. The sessions are
// views: they can be read, also with a Key, and not changed. The store has Config.StoreTimeout for the whole walk.
// The body of the loop does not count: it may be slow, and may call the Manager.
//
// An error ends the sequence. errors.ErrUnsupported: the store has no index by user. ErrUnreadable, at the end: there
// are also sessions that this process cannot read (a newer format, another codec or key). ErrIncomplete, at the end:
// there may be more, since the store may have lost its list of the user (memcached). Damaged sessions are skipped,
// with an event and a line in the log.
func (m *Manager) Sessions(ctx context.Context, subject string) iter.Seq2[*Session, error] {
	if m.can.Indexer == nil {
		return failed(m.unsupported("list the sessions of a user"))
	}
	if subject == "" {
		return func(func(*Session, error) bool) {}
	}
	return m.views(ctx, m.walk(ctx, func(ctx context.Context) iter.Seq2[driver.Record, error] {
		return m.can.Indexer.BySubject(ctx, subject)
	}))
}

// All walks through all live sessions like Sessions. There may be millions, so only the deadline of ctx ends it.
func (m *Manager) All(ctx context.Context) iter.Seq2[*Session, error] {
	if m.can.Lister == nil {
		return failed(m.unsupported("list sessions"))
	}
	return m.views(ctx, m.can.Lister.All(ctx))
}

func (m *Manager) unsupported(what string) error {
	return fmt.Errorf("coatcheck: %s cannot %s: %w", m.info.Name, what, errors.ErrUnsupported)
}

func failed(err error) iter.Seq2[*Session, error] {
	return func(yield func(*Session, error) bool) { yield(nil, err) }
}

// views opens records. It reports and skips one that cannot be read: that one must not hide all others from somebody
// who wants to revoke them. If it may be alive for another server, the list is incomplete, and ends with an error.
func (m *Manager) views(ctx context.Context, records iter.Seq2[driver.Record, error]) iter.Seq2[*Session, error] {
	return func(yield func(*Session, error) bool) {
		var left error
		for rec, err := range records {
			if err != nil {
				err = m.known(err)
				m.noteDown(ctx, err)
				yield(nil, errors.Join(err, left))
				return
			}
			if !m.space.owns(rec.ID) {
				continue
			}
			if b, ok := blockOf(rec.Data); ok && b.kind() != kindSession {
				continue
			}
			h, st := hold(&rec), state{}
			if err := m.open(&h, &st); err != nil {
				if errors.Is(err, ErrUnreadable) {
					left = err
				}
				m.cannotRead(ctx, rec.ID, "session left out of a list, since it cannot be read", err)
				continue
			}
			if m.over(&st.header, h.Used, m.now()) {
				continue
			}
			if !yield(m.view(h, st), nil) {
				return
			}
		}
		if left != nil {
			yield(nil, left)
		}
	}
}

// Revoke ends one session. A missing session is no error. A request that uses it right now stores nothing more. With
// the context of a request whose own session it is, Revoke works like Logout at that place of the handler.
// ErrNotFound: id is of another Namespace, and nothing was done. errors.ErrUnsupported: the tokens cannot be revoked.
func (m *Manager) Revoke(ctx context.Context, id ID) error {
	if !m.space.owns(id) {
		return notOurs("Revoke", id)
	}
	return m.revokeOne(ctx, id, "")
}

// notOurs is the error for an ID that no session of this manager can have.
func notOurs(what string, id ID) error {
	if id.IsZero() {
		return fmt.Errorf("coatcheck: %s: the zero ID names no session: a visitor's session has an ID once it has a value: %w", what, ErrNotFound)
	}
	return fmt.Errorf("coatcheck: %s: the ID belongs to another Config.Namespace: %w", what, ErrNotFound)
}

// revokeOne is Revoke of a session of subject, "" if the user is not known.
func (m *Manager) revokeOne(ctx context.Context, id ID, subject string) error {
	err := m.revoke(ctx, id, subject)
	m.noteDown(ctx, err)
	if err == nil {
		m.exchange(ctx).revoked(func(s *Session) (stored, coming bool) {
			stored = s.live && s.rec.ID == id
			return stored, stored && s.fate == fateLogin || s.comes() && s.next.id == id
		})
	}
	return err
}

// RevokeOwn is Revoke for forms in which a user names one of their sessions: it ends no session of another user.
// ErrNotFound: subject has no live session with this ID. errors.ErrUnsupported: the store keeps no records.
func (m *Manager) RevokeOwn(ctx context.Context, subject string, id ID) error {
	if m.store == nil {
		return m.unsupported("tell whose a session is")
	}
	if subject == "" || !m.space.owns(id) {
		return fmt.Errorf("coatcheck: RevokeOwn: %w", ErrNotFound)
	}
	calls, cancel := m.storeContext(ctx)
	defer cancel()
	var rec held
	if err := m.fetchPastCaches(calls, id, &rec); err != nil {
		m.noteDown(ctx, err)
		return err
	}
	if b, ok := blockOf(rec.Data); rec.Subject != subject || ok && b.kind() != kindSession {
		return fmt.Errorf("coatcheck: RevokeOwn: %w", ErrNotFound)
	}
	return m.revokeOne(ctx, id, subject)
}

func (m *Manager) revoke(ctx context.Context, id ID, subject string) error {
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	err := m.remove(ctx, id, fromMicros(m.now()).Add(m.cfg.Lifetime))
	if errors.Is(err, driver.ErrNotFound) {
		return nil // revoked before
	}
	if err == nil {
		m.observe(ctx, Event{Kind: EventDestroy, ID: id, Subject: subject})
	}
	return err
}

// RevokeSubject ends all sessions of a user, except those named, and returns how many it ended: "sign out everywhere
// else", a changed password, a closed account. If it returns no error, no session of the user is alive that was alive
// when the call began. A session that another call ends at the same moment may count in both. The subject "" has no
// sessions, so the result is 0 and nil: after a Logout, Session.Subject is "". Records that this process cannot open
// are ended, too. Those of another Namespace are another user's.
//
// ErrUnreadable: all others were ended, and the store has one in a newer format. Call again when every server has the
// new release, or Revoke that session by its ID. ErrIncomplete: all that the store knows of were ended, but it may
// have lost its list of the user, and others may be alive (memcached). With such a store, no error is no proof
// either: a sign-in after the loss begins a list that looks whole. docs/limits.md says what to do. After each of
// these errors the request's own session has ended, too. ErrConflict: the user signed in again and again meanwhile.
//
// With the context of a request whose own session is the user's, RevokeSubject works like Logout at that place of the
// handler, unless that session is named. Name it by Session.ID, which after Login is the ID of the session to come.
//
// With the cookie store the sessions cannot be counted, so the number is 0. All other errors than ErrUnavailable and
// ErrConflict then say that nothing was ended: ErrUnreadable, that a newer release has ended sessions of this user
// before, and errors.ErrUnsupported, that NoRevocation was chosen.
func (m *Manager) RevokeSubject(ctx context.Context, subject string, except ...ID) (int, error) {
	if m.can.Indexer == nil && m.tokens == nil {
		return 0, m.unsupported("list the sessions of a user")
	}
	if subject == "" {
		return 0, nil // anonymous sessions belong to nobody
	}
	kept := map[ID]bool{}
	for _, id := range except {
		kept[id] = true
	}
	delete(kept, ID{}) // the zero ID names no session, not even the one to come
	m.exchange(ctx).keep(kept)
	var ended []ID
	var err error
	if m.tokens != nil {
		err = m.revokeTokens(ctx, subject, kept)
	} else {
		ended, err = m.revokeAll(ctx, subject, kept)
	}
	m.noteDown(ctx, err)
	if err != nil && m.tokens != nil {
		return 0, err
	}
	total := len(ended)
	if total > 0 || !errors.Is(err, driver.ErrUnavailable) {
		m.exchange(ctx).revoked(func(s *Session) (stored, coming bool) {
			stored = s.live && s.rec.Subject == subject && !kept[s.rec.ID] && (err == nil || slices.Contains(ended, s.rec.ID))
			return stored, s.comes() && s.cur.subject == subject && !kept[s.next.id]
		})
	}
	return total, err
}

// revokeAll revokes in passes. A sign-in that is stored during one pass is seen by the next, since its record is
// there before the record of the session that it replaces goes. A walk may miss the new record, and come too late for
// the old session. But the old session's record keeps the user's name for a while, so the walk sees that it was
// ended, and another pass follows. A walk that ends as incomplete is repeated like any other.
func (m *Manager) revokeAll(ctx context.Context, subject string, kept map[ID]bool) (ended []ID, err error) {
	succeeded := map[ID]bool{}
	var left error // the error of the first incomplete walk
	for range 20 {
		before := len(succeeded)
		found, failed := m.recordsOf(ctx, subject, kept, succeeded)
		if left == nil {
			left = failed
		}
		if failed != nil && !errors.Is(failed, driver.ErrUnavailable) {
			own, whose := m.exchange(ctx).stored() // known even if the list is damaged or lost
			if whose == subject && !kept[own] && !slices.Contains(found, own) && !slices.Contains(ended, own) {
				found = append(found, own)
			}
		}
		for _, id := range found {
			if err := m.revoke(ctx, id, subject); err != nil {
				return ended, errors.Join(err, left)
			}
			ended = append(ended, id)
		}
		switch {
		case errors.Is(failed, driver.ErrUnavailable):
			return ended, failed
		case len(found) == 0 && len(succeeded) == before:
			return ended, left
		}
	}
	err = fmt.Errorf("coatcheck: RevokeSubject: the user signed in again and again meanwhile: %w", driver.ErrConflict)
	return ended, errors.Join(err, left)
}

// recordsOf returns the sessions of subject in the store, including those that only another node can open. It also
// returns them if the walk ends with an error. It adds to succeeded the sessions that a Login of this user has ended.
func (m *Manager) recordsOf(ctx context.Context, subject string, kept, succeeded map[ID]bool) (found []ID, err error) {
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	for rec, err := range m.can.Indexer.BySubject(ctx, subject) {
		if err != nil {
			return found, m.known(err)
		}
		b, ok := blockOf(rec.Data)
		switch {
		case !m.space.owns(rec.ID):
		case ok && b.kind() != kindSession:
			succeeded[rec.ID] = true
		case !kept[rec.ID]:
			found = append(found, rec.ID)
		}
	}
	return found, nil
}

// keep adds to kept the session that the request's Login or RotateID replaces, if kept names the session to come.
func (x *Exchange) keep(kept map[ID]bool) {
	if x == nil || x.s.Load() == nil {
		return
	}
	s := x.s.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && !s.next.id.IsZero() && kept[s.next.id] {
		kept[s.rec.ID] = true
	}
}

// stored returns the ID and the user of the request's own session, if that is stored.
func (x *Exchange) stored() (id ID, subject string) {
	if x == nil || x.s.Load() == nil {
		return id, ""
	}
	s := x.s.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live {
		id, subject = s.rec.ID, s.rec.Subject
	}
	return id, subject
}

// comes reports whether a save would begin a session. s.mu is held.
func (s *Session) comes() bool { return !s.live || s.fate != fateKeep }

// revoked is called when the request itself has revoked sessions. which tells whether the request's own stored
// session is among them, and whether the session to come is. The request goes on without them.
func (x *Exchange) revoked(which func(*Session) (stored, coming bool)) {
	if x == nil {
		return
	}
	s := x.s.Load()
	if s == nil || s.repeats() {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return
	}
	stored, coming := which(s)
	if coming {
		s.destroy() // drops a sign-in that is not stored yet
	}
	switch {
	case stored && s.fate == fateKeep:
		s.clear()
		fallthrough
	case stored && s.fate == fateEnd:
		s.forget()
	}
}
