package core

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Login binds the session to a user and gives it a new token, so that a token
// which somebody planted or saw before is worth nothing (session fixation; OWASP ASVS 7.2.4). Call it
// at every sign-in, also when the same user signs in again. What an anonymous
// visitor gathered is kept; what belonged to another user, and flash
// messages, are not. The absolute lifetime starts anew. Django: login().
//
// subject is the user's ID, 1 to 255 bytes of UTF-8: the one to give to Manager.Sessions
// and Manager.RevokeSubject.
//
// If the session was ended by another request meanwhile, Login begins a new one that
// holds only what this request did.
func (s *Session) Login(subject string) error {
	if subject == "" || len(subject) > driver.MaxSubject || !utf8.ValidString(subject) {
		return s.fail(fmt.Errorf("coatcheck: Login: a subject has 1 to %d bytes of UTF-8", driver.MaxSubject))
	}
	return s.lifecycle(func() {
		// A framework may reuse the memory of what it read from the request.
		s.do(op{kind: opLogin, key: strings.Clone(subject), micros: s.x.m.now()})
		s.rotate = s.live && !s.doomed
	})
}

// Logout ends the session. It is Destroy under the name that the reader looks for.
// Django: logout().
func (s *Session) Logout() error { return s.Destroy() }

// RotateID gives the session a new token and keeps everything else, the absolute
// deadline too: for a change of privilege that is not a Login. The old token is dead as soon as the
// change is stored. Without a stored session it does nothing. Django: cycle_key().
func (s *Session) RotateID() error {
	return s.lifecycle(func() { s.rotate = s.live && !s.doomed })
}

// Destroy deletes the session and its cookie. A value that is set afterwards begins a new
// one. Without a stored session nothing is sent or stored. Django: flush().
func (s *Session) Destroy() error {
	return s.lifecycle(func() {
		s.doomed = s.live
		s.rotate, s.next, s.bad = false, pendingToken{}, nil
		s.ops = nil
		s.cur = s.x.m.blank(s.x.m.now())
		s.gen++
	})
}

// lifecycle runs change when no save is under way.
func (s *Session) lifecycle(change func()) error {
	if s.x != nil {
		s.x.mu.Lock()
		defer s.x.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	change()
	return nil
}
