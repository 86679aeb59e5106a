package core

import (
	"fmt"
	"time"
)

// How a session's deadline is found. The absolute lifetime caps all of them.
const (
	expireDefault      = 0 // IdleTimeout after the last activity
	expireSliding      = 1 // ExpireIn's duration after the last activity
	expireAt           = 2 // ExpireAt's time, whatever happens
	expireBrowserClose = 3 // as default on the server; the cookie has no Max-Age
)

// expiry is a session's own setting, kept in its envelope.
type expiry struct {
	mode   byte
	micros int64
}

// idle is the time in microseconds without activity after which the session ends; 0 with expireAt.
func (m *Manager) idle(e expiry) int64 {
	switch e.mode {
	case expireSliding:
		return e.micros
	case expireAt:
		return 0
	}
	return m.cfg.IdleTimeout.Microseconds()
}

// deadline is when the session ends if now is its last activity. Like all times here it is in
// microseconds since 1970.
func (m *Manager) deadline(h *header, now int64) int64 {
	at := h.expiry.micros
	if h.expiry.mode != expireAt {
		at = now + m.idle(h.expiry)
	}
	return min(at, m.end(h))
}

// end is the absolute deadline: Lifetime after the session, or its last Login, began.
func (m *Manager) end(h *header) int64 {
	return h.created + m.cfg.Lifetime.Microseconds()
}

// touchDue reports whether the activity now should move the stored deadline.
func (m *Manager) touchDue(h *header, stored, now int64) bool {
	if h.expiry.mode == expireAt {
		return false
	}
	gain := m.deadline(h, now) - stored
	if m.cfg.SaveEveryRequest {
		return gain > 0
	}
	// A session with a shorter idle timeout of its own is touched more often in proportion,
	// or else it would end under its user's hands.
	share := float64(m.idle(h.expiry)) / float64(m.cfg.IdleTimeout.Microseconds())
	return gain > 0 && float64(gain) >= float64(m.cfg.TouchInterval.Microseconds())*min(share, 1)
}

// persistent reports whether the cookie outlives the browser.
func (m *Manager) persistent(e expiry) bool {
	switch e.mode {
	case expireSliding, expireAt:
		return true
	case expireBrowserClose:
		return false
	}
	return !m.cfg.ExpireAtBrowserClose
}

// ExpireIn ends the session after d without activity, instead of
// Config.IdleTimeout, and makes its cookie outlive the browser. Django:
// set_expiry(seconds). Config.Lifetime still ends it. d is at least a second.
func (s *Session) ExpireIn(d time.Duration) error {
	if d < time.Second {
		return s.fail(fmt.Errorf("coatcheck: ExpireIn(%v): at least 1s; use Destroy to end a session", d))
	}
	return s.setExpiry(expiry{expireSliding, d.Microseconds()})
}

// ExpireAt ends the session at t, whatever its user does. Django:
// set_expiry(datetime). Config.Lifetime may end it sooner. t lies in the future.
func (s *Session) ExpireAt(t time.Time) error {
	if s.x != nil && !t.After(s.x.m.cfg.Now()) {
		return s.fail(fmt.Errorf("coatcheck: ExpireAt(%v) is not in the future; use Destroy to end a session", t))
	}
	return s.setExpiry(expiry{expireAt, micros(t)})
}

// ExpireAtBrowserClose gives the session a cookie without a lifetime, which
// browsers forget when they close. The server still ends it after
// Config.IdleTimeout. Django: set_expiry(0).
func (s *Session) ExpireAtBrowserClose() error {
	return s.setExpiry(expiry{mode: expireBrowserClose})
}

// ExpireDefault goes back to the manager's settings. Django: set_expiry(None).
func (s *Session) ExpireDefault() error {
	return s.setExpiry(expiry{})
}

func (s *Session) setExpiry(e expiry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	if s.cur.expiry != e {
		s.do(op{kind: opExpiry, mode: e.mode, micros: e.micros})
	}
	return nil
}

// ExpiresAt is when the session ends if it is not used again. Django: get_expiry_date().
func (s *Session) ExpiresAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && !s.dirty() || s.x == nil {
		return s.rec.Expires
	}
	h, now := s.cur.header, s.x.m.now()
	if h.created == 0 { // it would begin now
		h.created = now
	}
	return fromMicros(s.x.m.deadline(&h, now))
}

// Age is the time left until ExpiresAt. Django: get_expiry_age().
func (s *Session) Age() time.Duration {
	now := time.Now()
	if s.x != nil {
		now = s.x.m.cfg.Now()
	}
	return s.ExpiresAt().Sub(now)
}
