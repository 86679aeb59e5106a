package core

import (
	"fmt"
	"time"
)

// When a session ends: how its deadline is found, and the methods that set it.

// idle is the session's idle timeout in microseconds; 0 with expireAt.
func (m *Manager) idle(e expiry) int64 {
	switch e.mode {
	case expireSliding:
		return e.micros
	case expireAt:
		return 0
	}
	return m.cfg.IdleTimeout.Microseconds()
}

// deadline is when the session ends if now is its last activity. All times here are in microseconds since 1970.
func (m *Manager) deadline(h *header, now int64) int64 {
	if h.expiry.mode == expireAt {
		return m.end(h)
	}
	return min(now+m.idle(h.expiry), m.end(h))
}

// end is the absolute deadline: Lifetime after the session, or its last Login, began, or the time of ExpireAt if that
// is sooner. It uses the sealed times, and not those of the store.
func (m *Manager) end(h *header) int64 {
	end := h.created + m.cfg.Lifetime.Microseconds()
	if h.expiry.mode == expireAt {
		end = min(end, h.expiry.micros)
	}
	return end
}

// over reports whether the session has ended by now, by its lifetime or by the limit of Config.AAL without activity:
// what was stored before AAL was set may have a later deadline.
func (m *Manager) over(h *header, used, now int64) bool {
	return now >= m.end(h) || m.cfg.AAL > 1 && now-used >= assurance[m.cfg.AAL].idle.Microseconds()
}

// touchDue reports whether the session's use at the time now should be written down, and its deadline moved with it.
// used is the last use that was written down.
func (m *Manager) touchDue(h *header, used, now int64) bool {
	since := now - used
	if m.cfg.SaveEveryRequest || since <= 0 {
		return since > 0
	}
	return float64(since) >= m.touchInterval(h)
}

// touchInterval is Config.TouchInterval in microseconds. A session with a shorter idle timeout of its own is touched
// more often in proportion. Otherwise it would end while its user is active.
func (m *Manager) touchInterval(h *header) float64 {
	share := 1.0
	if h.expiry.mode == expireSliding {
		share = min(1, float64(h.expiry.micros)/float64(m.cfg.IdleTimeout.Microseconds()))
	}
	return float64(m.cfg.TouchInterval.Microseconds()) * share
}

// touchDueUnseen is touchDue where no cookie can be sent with the new deadline. It leaves room for ordinary requests:
// if one comes within half of the idle time, it still finds a deadline to move, and sends a cookie. The last ordinary
// request may have come just before a touch was due.
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

// ExpireIn ends the session after d without activity, instead of Config.IdleTimeout, and makes its cookie outlive the
// browser. Django: set_expiry(seconds). d is at least a second. However long d is, Config.Lifetime still ends the
// session: ExpiresAt tells when. With Config.AAL 2 and 3, d is at most Config.IdleTimeout's limit. A Login of another
// user, or of an anonymous visitor, forgets this setting, so call ExpireIn after Login.
func (s *Session) ExpireIn(d time.Duration) error {
	if d < time.Second {
		return s.fail(aboutExpiry, fmt.Errorf("coatcheck: ExpireIn(%v): at least 1s; use Destroy to end a session", d))
	}
	if most, limited := s.idleLimit(); limited && d > most {
		return s.fail(aboutExpiry, fmt.Errorf("coatcheck: ExpireIn(%v): Config.AAL allows at most %v without activity", d, most))
	}
	return s.setExpiry(expiry{expireSliding, d.Microseconds()})
}

// ExpireAt ends the session at t, however often it is used. Django: set_expiry(datetime). t lies in the future.
// Config.Lifetime may end the session sooner: ExpiresAt tells when. With Config.AAL 2 and 3, t is at most
// Config.IdleTimeout's limit from now. A time after the year 9999 counts as that year's end. A Login forgets this
// setting as it does with ExpireIn.
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

// ExpireAtBrowserClose gives the session a cookie without a lifetime: browsers forget it when they close. The server
// still ends the session after Config.IdleTimeout without activity. Django: set_expiry(0).
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
	// The browser must forget the cookie, and no later page can say so.
	if s.sent && s.cur.expiry != e && !s.x.m.persistent(e) {
		return s.tooLate()
	}
	s.mend([]byte(aboutExpiry))
	if s.cur.expiry != e {
		s.do(op{kind: opExpiry, mode: e.mode, micros: e.micros})
	}
	return nil
}

// ExpiresAt is when the session ends if it is not used again. For a session that is not stored, it is when the
// session would end if it were stored now. For a session that could not be loaded, it says nothing. Django:
// get_expiry_date().
func (s *Session) ExpiresAt() time.Time { at, _ := s.expires(); return at }

// expires is ExpiresAt, and the time at which it was asked.
func (s *Session) expires() (at, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := micros(s.now())
	now = fromMicros(n)
	if s.x == nil || s.live && s.fate == fateKeep && !has(s.ops, opExpiry) {
		return fromMicros(s.rec.Expires), now
	}
	h := s.cur.header
	if h.created == 0 { // it would begin now
		h.created = n
	}
	return fromMicros(s.x.m.deadline(&h, n)), now
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

// TimeLeft is the time until ExpiresAt. What this request adds to it is added at its end. Django: get_expiry_age().
func (s *Session) TimeLeft() time.Duration {
	at, now := s.expires()
	return at.Sub(now)
}
