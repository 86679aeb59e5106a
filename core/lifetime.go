package core

import (
	"fmt"
	"time"
)

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
	if h.expiry.mode == expireAt {
		return m.end(h)
	}
	return min(now+m.idle(h.expiry), m.end(h))
}

// end is the absolute deadline: Lifetime after the session, or its last Login, began, and the time of
// ExpireAt. It goes by what is sealed, and not by what the store says.
func (m *Manager) end(h *header) int64 {
	end := h.created + m.cfg.Lifetime.Microseconds()
	if h.expiry.mode == expireAt {
		end = min(end, h.expiry.micros)
	}
	return end
}

// touchDue reports whether the use now of a session, last used at the time used, should be written down, and
// its deadline moved with it.
func (m *Manager) touchDue(h *header, used, now int64) bool {
	since := now - used
	if m.cfg.SaveEveryRequest || since <= 0 {
		return since > 0
	}
	return float64(since) >= m.touchInterval(h)
}

// touchInterval is Config.TouchInterval in microseconds. A session with a shorter idle timeout of its own is touched
// more often in proportion, or else it would end under its user's hands.
func (m *Manager) touchInterval(h *header) float64 {
	share := 1.0
	if h.expiry.mode == expireSliding {
		share = min(1, float64(h.expiry.micros)/float64(m.cfg.IdleTimeout.Microseconds()))
	}
	return float64(m.cfg.TouchInterval.Microseconds()) * share
}

// touchDueUnseen is touchDue where no cookie can be sent with the new deadline: an ordinary request, as long
// as one comes within half of the idle time, still finds a deadline to move and sends one. The last one may have
// come just before a touch was due.
func (m *Manager) touchDueUnseen(h *header, used, expires, now int64) bool {
	if h.expiry.mode == expireAt || !m.touchDue(h, used, now) {
		return false
	}
	idle := float64(m.idle(h.expiry))
	return float64(expires-now) < idle/2-min(m.touchInterval(h), idle/4)
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
// set_expiry(seconds). d is at least a second. Config.Lifetime still ends the session, however long d
// is: ExpiresAt tells when. With Config.AAL 2 and 3, d is at most Config.IdleTimeout's limit. A Login of another user, or of an anonymous visitor, forgets it, so
// call it after Login.
func (s *Session) ExpireIn(d time.Duration) error {
	if d < time.Second {
		return s.fail(aboutExpiry, fmt.Errorf("coatcheck: ExpireIn(%v): at least 1s; use Destroy to end a session", d))
	}
	if most, limited := s.idleLimit(); limited && d > most {
		return s.fail(aboutExpiry, fmt.Errorf("coatcheck: ExpireIn(%v): Config.AAL allows at most %v without activity", d, most))
	}
	return s.setExpiry(expiry{expireSliding, d.Microseconds()})
}

// ExpireAt ends the session at t, whatever its user does. Django:
// set_expiry(datetime). t lies in the future. Config.Lifetime may end it sooner: ExpiresAt tells when.
// A time after the year 9999 counts as its end. A Login forgets it like ExpireIn.
func (s *Session) ExpireAt(t time.Time) error {
	if s.x != nil && !t.After(s.x.m.cfg.Now()) {
		return s.fail(aboutExpiry, fmt.Errorf("coatcheck: ExpireAt(%v) is not in the future; use Destroy to end a session", t))
	}
	if most, limited := s.idleLimit(); limited && t.After(s.x.m.cfg.Now().Add(most)) {
		return s.fail(aboutExpiry, fmt.Errorf("coatcheck: ExpireAt(%v): Config.AAL allows at most %v without activity", t, most))
	}
	if t.After(endOfTime) {
		t = endOfTime // whose microseconds fit into 64 bits
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

// idleLimit is the longest time without activity that Config.AAL allows; false: any.
func (s *Session) idleLimit() (time.Duration, bool) {
	if s.x == nil || s.x.m.cfg.AAL < 2 {
		return 0, false
	}
	return assurance[s.x.m.cfg.AAL].idle, true
}

var endOfTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

func (s *Session) setExpiry(e expiry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.changeable(); err != nil || s.repeats() {
		return err
	}
	if s.sent && s.cur.expiry != e && !s.x.m.persistent(e) { // the browser is to forget, and no later page says so
		return s.tooLate()
	}
	s.mend([]byte(aboutExpiry))
	if s.cur.expiry != e {
		s.do(op{kind: opExpiry, mode: e.mode, micros: e.micros})
	}
	return nil
}

// ExpiresAt is when the session ends if it is not used again; for one that is not stored, when it would if it were stored
// now. Of a session that could not be loaded it says nothing. Django: get_expiry_date().
func (s *Session) ExpiresAt() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.x == nil || s.live && s.fate == fateKeep && !has(s.ops, opExpiry) {
		return fromMicros(s.rec.Expires)
	}
	h, now := s.cur.header, s.x.m.now()
	if h.created == 0 { // it would begin now
		h.created = now
	}
	return fromMicros(s.x.m.deadline(&h, now))
}

// ExpiryMode says how the deadline of a session is found.
type ExpiryMode string

const (
	ExpiryDefault      ExpiryMode = "default"       // by Config.IdleTimeout and Config.ExpireAtBrowserClose
	ExpirySliding      ExpiryMode = "sliding"       // ExpireIn
	ExpiryAt           ExpiryMode = "at"            // ExpireAt
	ExpiryBrowserClose ExpiryMode = "browser_close" // ExpireAtBrowserClose
)

// Expiry is a session's own setting of its lifetime.
type Expiry struct {
	Mode ExpiryMode
	In   time.Duration // what ExpireIn was given, with ExpirySliding
	At   time.Time     // what ExpireAt was given, with ExpiryAt
}

// Expiry returns the setting that ExpireIn, ExpireAt, ExpireAtBrowserClose or ExpireDefault made last. Django's
// get_expire_at_browser_close() is Mode == ExpiryBrowserClose, or ExpiryDefault where
// Config.ExpireAtBrowserClose is set.
func (s *Session) Expiry() Expiry {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := s.cur.expiry; e.mode {
	case expireSliding:
		return Expiry{Mode: ExpirySliding, In: time.Duration(e.micros) * time.Microsecond}
	case expireAt:
		return Expiry{Mode: ExpiryAt, At: fromMicros(e.micros)}
	case expireBrowserClose:
		return Expiry{Mode: ExpiryBrowserClose}
	}
	return Expiry{Mode: ExpiryDefault}
}

// TimeLeft is the time until ExpiresAt. Django: get_expiry_age().
func (s *Session) TimeLeft() time.Duration {
	now := time.Now()
	if s.x != nil {
		now = s.x.m.cfg.Now()
	}
	return s.ExpiresAt().Sub(now)
}
