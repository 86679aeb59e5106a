package core

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// ID is the public name of a session, for logs, device lists and Manager.Revoke. It stays the same however often the
// session's token changes, except with the cookie store, where RotateID changes both. It gives no access, and it is
// no secret: do not use it as the name of a channel or a file, or as a CSRF token.
type ID = driver.ID

// ParseID reads what ID.String wrote.
func ParseID(s string) (ID, error) { return driver.ParseID(s) }

// Session is one request's hold on a session. Several goroutines of that request may use it. After the request, every
// method that returns an error returns ErrClosed and changes nothing. Values are read and written with [Key].
//
// Methods that change something return an error. If the handler ignores it, the request fails with it and stores
// nothing; what the function of a TryUpdate has refused is no such error. If the handler answers with a status of 400 or more, its answer stands, and nothing is stored either.
// ErrHeaderSent says that the change would need a cookie, and the response has left without it. That one change was
// not made; others are.
//
// A Session that is printed, logged or put into a page, by value or by pointer, shows its ID in short and nothing
// else.
type Session struct {
	*link
}

// link is on the way from a Session to its fields, because of fmt: in an unexported field of the application's, where
// it may not call methods, a wrong verb makes it print what is behind a pointer, but nothing behind a second one.
type link struct{ *hidden }

// hidden has all fields of a Session.
type hidden struct {
	shell Session // points to way, and that points here: one allocation for all
	way   link

	x *Exchange // nil for a view

	mu  sync.Mutex
	err error // why the session cannot be used any more

	rec held  // as stored; means nothing while !live
	cur state // rec.Data after ops
	ops []op  // what was done since rec was stored

	fixed uint32 // how many of ops, from the first on, are being saved
	gen   uint32 // counts changes

	token     string // what the client holds, or is to hold; "" if it holds a newer one
	next      issued
	remaining time.Duration // from the last save or touch to rec.Expires

	rare    *rare    // nil if it would be empty
	running *running // functions given to Update

	delivery delivery
	fate     fate // of rec when saving
	accessed bool
	live     bool // there is a record, and it is ours
	late     bool // the session that the token stood for is over, or has another token
	crowded  bool // the request carries too many tokens to look at
	refused  bool // err has refused a change
	rotate   bool // give it a new token when saving
	emptied  bool // Flashes has emptied an anonymous session
	shared   bool // a save under way reads cur.changes
	sent     bool // the header has left, or is being made
	unsaved  bool // the last Save failed, and the handler knows

	reruns atomic.Int32 // saves and Updates under way that may run functions again
}

// rare holds what few requests have. It is apart to keep the sessions of all others small.
type rare struct {
	failed    []failure                   // why the changes cannot be saved
	presented []presented                 // what the request brought and cannot use
	taken     func(context.Context) error // of an Adoption that is not stored yet
	forget    []Out                       // of an Adoption: lines that no response has carried yet
	ends      bool                        // there is, or was, a taken
	over      bool                        // taken has ended the other session
	adopted   uint32                      // gen after the Adoption; 0: there is none
	lister    *Manager                    // of a view
	late      bool                        // a change came after the header, and the log has it
	outside   bool                        // Manager.Change has made the session: there is no response
	unsaved   uint32                      // gen when the last Save failed
	follower  *follower                   // of Done
}

// presented returns what the request brought and cannot use. s.mu is held.
func (s *Session) presented() []presented {
	if s.rare == nil {
		return nil
	}
	return s.rare.presented
}

// present adds to what the request brought and cannot use.
func (s *Session) present(list ...presented) {
	r := s.rarely()
	r.presented = append(r.presented, list...)
}

// outside reports whether there is no response that could carry a cookie, or an error. s.mu is held.
func (s *Session) outside() bool { return s.rare != nil && s.rare.outside }

// rarely returns s.rare, made if need be.
func (s *Session) rarely() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// now is the time by the clock of the session's manager, and by time.Now for a session that stands in for none.
func (s *Session) now() time.Time {
	switch {
	case s.x != nil:
		return s.x.m.cfg.Now()
	case s.rare != nil && s.rare.lister != nil:
		return s.rare.lister.cfg.Now()
	}
	return time.Now()
}

// fate is what a save does to the session that the request came with.
type fate byte

const (
	fateKeep fate = iota
	fateLogin
	fateEnd
)

// presented is a session whose good token the request brought, but that it cannot use.
type presented struct {
	rec held // Version 0: the store could not read it
	end endWhen
}

// endWhen says when a presented session ends.
type endWhen byte

const (
	endOnWrite     endWhen = iota // one of several: with the first change
	endOnLifecycle                // it cannot be read: with a Login or Logout
	endOnLogout                   // another request has just rotated it
)

// delivery says what the response has to do about the cookie.
type delivery byte

const (
	deliverNothing delivery = iota
	deliverRefresh          // the same token with a new lifetime, where the cookie has one
	deliverToken
	deliverDeletion
)

// deadSession takes the place of a missing session, so that nobody is handed a nil.
func deadSession(err error) *Session {
	return newSession(&hidden{err: err, cur: state{header: header{codec: JSON{}}}})
}

func newSession(h *hidden) *Session {
	h.way.hidden, h.shell.link = h, &h.way
	return &h.shell
}

// ID is the public name of the session; the zero ID while there is nothing to store. After Login or Destroy it is the
// ID of the session to come. RotateID does not change it, except with the cookie store.
func (s *Session) ID() ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && s.fate == fateKeep && !(s.rotate && s.x.m.tokens != nil) {
		return s.rec.ID
	}
	if s.x == nil || s.err != nil || s.cur.empty() {
		return ID{}
	}
	return s.pending().id
}

// pending returns the first token of the session to come. s.mu is held.
func (s *Session) pending() issued {
	if s.next.id.IsZero() {
		s.next = s.x.m.issue()
	}
	return s.next
}

// IsNew reports whether the request has no stored session. It is also true if the store has not answered: see Err.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.live || s.fate != fateKeep
}

// Modified reports whether there are changes that are not stored yet.
func (s *Session) Modified() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dirty()
}

// Accessed reports whether this request has used the session, and so whether the response depends on the cookie.
func (s *Session) Accessed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accessed
}

// Err returns why the session cannot be used (ErrClosed, ErrNoSession, an outage of the store) or why its changes
// cannot be saved (a *ValueError). ErrEnded after the channel of Done was closed: the session is over, here or on another
// server. Default: nil, none of these.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rare != nil && s.rare.follower != nil && s.rare.follower.ended.Load() {
		return ErrEnded
	}
	if s.err != nil {
		return s.err
	}
	return exposed(s.failure())
}

// Subject is the user that Login bound the session to, "" while anonymous.
func (s *Session) Subject() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cur.subject
}

// Created is when the session, or its last Login, began; zero for a new session.
func (s *Session) Created() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return timeOrZero(s.cur.created)
}

// LastUsed is when the session was last used, as far as that was written down: to within Config.TouchInterval, and never
// earlier than it said before. It is zero for a session that is not stored.
func (s *Session) LastUsed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		return time.Time{}
	}
	return timeOrZero(s.rec.Used)
}

// AuthTime is the time of the last Login; zero if there was none. Ask for the password again if it is too long ago
// for what the user is about to do.
func (s *Session) AuthTime() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return timeOrZero(s.cur.auth)
}

func timeOrZero(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return fromMicros(n)
}
