package core

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The methods that bind, rotate and end a session.

var errSubject = fmt.Errorf("coatcheck: Login: a subject has 1 to %d bytes of UTF-8", driver.MaxSubject)

// Login begins a new session that is bound to a user, with a new ID and a new token, and ends the session that the
// request came with. So a token that somebody planted or saw before is worth nothing (session fixation; OWASP ASVS
// 7.2.4). Call it at every sign-in, also when the same user signs in again. Django: login().
//
// The new session takes over what an anonymous visitor gathered, messages included. It does not take over what
// belonged to another user. An application's own CSRF or OAuth values are taken over like any other, so set them
// anew. The absolute lifetime starts anew. A lifetime that was set for the anonymous visitor, or for another user, is
// forgotten. With the cookie store's NoRevocation the old token lives on, until its deadline.
//
// subject is the user's ID, 1 to 255 bytes of UTF-8. Give the same one to Manager.Sessions and Manager.RevokeSubject.
// ErrHeaderSent: the response has left without its cookie, and nothing was done.
//
// If another request ended the session meanwhile, the new one holds only what this request did. If that session was
// this user's and was revoked, there is no new one: the save fails with ErrEnded. If the user has too many sessions and
// Config.WhenFull is RefuseNew, it fails with ErrTooManySessions. To answer that yourself, call Save after Login.
func (s *Session) Login(subject string) error { return s.LoginBy(subject, "") }

// LoginBy is Login, and keeps by what method the user signed in: "passkey", "pwd+otp", or a name of RFC 8176. It is in
// Device, also where Config.Devices is not set. At most 64 bytes of UTF-8 without control characters.
func (s *Session) LoginBy(subject, method string) error {
	if subject == "" || len(subject) > driver.MaxSubject || !utf8.ValidString(subject) {
		return s.fail(aboutLogin, errSubject)
	}
	if err := checkMethod(method); err != nil {
		return s.fail(aboutLogin, err)
	}
	return s.lifecycle(true, func() error {
		if s.x.phase != phaseOpen {
			return s.tooLate()
		}
		s.mend([]byte(aboutLogin))
		s.do(op{kind: opLogin, key: []byte(subject), value: []byte(s.x.device(method)), micros: s.x.m.now()})
		s.rotate = false
		if s.live && s.fate == fateKeep {
			s.fate, s.next = fateLogin, issued{}
		}
		return nil
	})
}

// Logout ends the session. It is Destroy under the name that readers look for. Django: logout().
func (s *Session) Logout() error { return s.Destroy() }

// RotateID gives the session a new token and keeps everything else, its ID and the absolute deadline included. It is
// for a change of privilege that is not a Login. The old token is dead as soon as the change is stored. Without a
// stored session RotateID does nothing. Django: cycle_key(). ErrHeaderSent: the response has left without its cookie,
// and nothing was done. With the cookie store the ID is new, too, and with its NoRevocation the old token lives on.
func (s *Session) RotateID() error {
	return s.lifecycle(false, func() error {
		if !s.live || s.fate != fateKeep || s.rotate {
			return nil // there is no token to replace, or it is replaced already
		}
		if s.x.phase != phaseOpen {
			return s.tooLate()
		}
		s.rotate, s.next = true, s.x.m.reissue(s.rec.ID)
		return nil
	})
}

// Destroy ends the session and deletes its cookie. A value that is set afterwards begins a new session. Without a
// stored session nothing is sent or stored. Django: flush(). With the cookie store's NoRevocation only the cookie in
// this browser goes: a copy of it stays valid until its deadline.
func (s *Session) Destroy() error {
	return s.lifecycle(true, func() error {
		if s.live && s.x.phase != phaseOpen && s.x.m.info.NoRevocation {
			return s.tooLate() // only the browser could forget the session
		}
		s.destroy()
		return nil
	})
}

// destroy is Destroy with the locks held.
func (s *Session) destroy() {
	s.fate = fateKeep
	if s.live || s.late || s.crowded || len(s.presented()) > 0 || s.adopted() {
		s.fate = fateEnd
	}
	s.clear()
}

// clear forgets what the request did and goes on with a new session. s.mu is held.
func (s *Session) clear() {
	s.rotate, s.next, s.emptied = false, issued{}, false
	s.ops = nil
	s.forgive()
	s.cur = s.x.m.blank(s.x.m.now())
	s.gen++
}

// forget makes s what it is after a stored Logout, for a session that this request itself has revoked. x.mu and s.mu
// are held.
func (s *Session) forget() {
	s.live, s.rec, s.token = false, held{}, ""
	if len(s.presented()) == 0 {
		s.fate = fateKeep // there is nothing else to end
	}
	s.delivery = deliverDeletion
}

// lifecycle runs change when no save is under way. A session whose record cannot be read can be ended, too.
func (s *Session) lifecycle(ends bool, change func() error) error {
	if s.repeats() {
		return nil
	}
	if s.x != nil {
		s.x.mu.Lock()
		defer s.x.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ends && errors.Is(s.err, ErrUnreadable) && !errors.Is(s.err, ErrUnavailable) && s.x != nil && s.x.phase == phaseOpen {
		s.err = nil
	}
	if err := s.writable(); err != nil {
		return err
	}
	return change()
}
