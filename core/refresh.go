package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Refresh is for handlers whose request lasts long after its header: streams, sockets. It asks the store, past caches,
// what the session holds now. Changes that are not saved yet are made again on top, as after a conflict. It writes down
// that the session was used, where that is due and the request is not passive. No cookie can be sent any more, so the
// deadline moves only when less than about half of the idle time is left. Before the header Refresh leaves that to the
// response.
//
// ErrEnded: the session is over, here or on any other server: by a Logout, Login or Revoke, or by its deadline. Or
// RotateID of another request gave it another token: whoever holds the old one is out. Changes that were not saved are
// dropped then, and the session is of no more use to this request. Manager.Change holds no token: there a RotateID ends
// nothing. ErrUnavailable: the store did not answer, which ends
// nothing: the values are those from before. ErrUnreadable: a newer release has written to the session.
//
// A session that is not stored, or whose Login or Logout is not saved yet, has nothing to reload: nil. With the cookie
// store the values stay those of the request's own cookie, its use is not written down, and with NoRevocation only the
// deadline ends it.
func (s *Session) Refresh(ctx context.Context) error {
	if s.repeats() {
		return nil
	}
	if s.x != nil {
		s.x.mu.Lock()
		defer s.x.mu.Unlock()
	}
	s.mu.Lock()
	err, stored, late := s.err, s.live && s.fate == fateKeep, s.tooLateForAny()
	s.mu.Unlock()
	switch {
	case err != nil:
		return exposed(err)
	case s.x == nil:
		return ErrReadOnly
	case late:
		return errLate
	case !stored:
		return nil
	}
	return exposed(s.x.refresh(ctx, s))
}

// tooLateForAny reports whether the session that the request's token stood for is over, and no Login begins another.
// s.mu is held.
func (s *Session) tooLateForAny() bool { return s.late && !s.live && !has(s.ops, opLogin) }

// refresh is Refresh of a stored session. x.mu is held.
func (x *Exchange) refresh(ctx context.Context, s *Session) error {
	m := x.m
	calls, cancel := m.storeContext(ctx)
	defer cancel()
	s.mu.Lock()
	old, dead, outside := s.rec, s.token == "", s.outside()
	s.mu.Unlock()
	now, st, err := m.newest(calls, &old)
	switch {
	case err == nil && m.tokens != nil:
		return nil
	case err == nil && !outside && (dead || replaced(&old, &now)):
		return x.foundOver(ctx, s, errors.New("it has another token"))
	case isOver(err):
		return x.foundOver(ctx, s, err)
	case err != nil:
		m.noteDown(ctx, err)
		return err
	}
	if err := s.rebase(calls, &now, &st); err != nil {
		return err
	}
	s.mu.Lock()
	due := x.phase != phaseOpen && !x.passive && !s.dirty() && m.touchDueUnseen(&st.header, now.Used, now.Expires, m.now())
	s.mu.Unlock()
	if due {
		x.touch(ctx, s)
	}
	return nil
}

// rebase makes now, which holds st, the record on which the session's unsaved changes apply. x.mu is held.
func (s *Session) rebase(ctx context.Context, now *held, st *state) error {
	s.reruns.Add(1)
	defer s.reruns.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Version == s.rec.Version {
		s.rec = *now // with newer times, perhaps
		return nil
	}
	m := s.x.m
	rec, before := now.record(), s.failures()
	s.settle(&saving{m: m, ctx: ctx, now: m.now(), rec: &rec, st: *st, stored: true, reloaded: true, token: s.token})
	if s.failures() > before { // an Update that cannot be made again
		return s.rare.failed[before].err
	}
	return nil
}

// failures is how many things keep the changes from being saved. s.mu is held.
func (s *Session) failures() int {
	if s.rare == nil {
		return 0
	}
	return len(s.rare.failed)
}

// foundOver ends the request's use of a session that is over.
func (x *Exchange) foundOver(ctx context.Context, s *Session, why error) error {
	s.mu.Lock()
	dirty := s.dirty()
	s.ended()
	s.mu.Unlock()
	if errors.Is(why, driver.ErrCorrupt) {
		x.m.warn(ctx, EventCorrupt, "a session in use cannot be read any more, and counts as ended", "session", s.rec.ID, "error", why)
	}
	if dirty {
		return x.dropped(ctx, s, ErrEnded)
	}
	x.m.cfg.Logger.DebugContext(aside{ctx}, "coatcheck: a session in use is over", "session", s.rec.ID, "reason", why)
	return ErrEnded
}

// newest returns what the store holds of the session of h now. isOver tells whether the error says that it is over. Of
// a token that carries its record, only that is known.
func (m *Manager) newest(ctx context.Context, h *held) (now held, st state, err error) {
	now, err = m.look(ctx, *h)
	if err != nil || m.tokens != nil {
		return now, st, err
	}
	return now, st, m.opened(&now, &st)
}

// opened is open for a session that is in use. It also looks at the session's lifetime.
func (m *Manager) opened(now *held, st *state) error {
	if b, ok := blockOf(now.Data); ok && b.kind() != kindSession {
		return driver.ErrNotFound
	}
	if err := m.open(now, st); err != nil {
		return err
	}
	if m.over(&st.header, now.Used, m.now()) {
		return fmt.Errorf("coatcheck: past its lifetime: %w", driver.ErrNotFound)
	}
	return nil
}

// isOver reports whether err, of a read, says that a session is over. No request finds one whose record is damaged.
func isOver(err error) bool { return isAny(err, driver.ErrNotFound, driver.ErrCorrupt) }

// replaced reports whether RotateID has replaced the token since old was read. A renewal does not count. What was read
// before old does not, either.
func replaced(old, now *held) bool {
	before, ok := blockOf(old.Data)
	after, isBlock := blockOf(now.Data)
	return ok && isBlock && after.rotations() > before.rotations()
}
