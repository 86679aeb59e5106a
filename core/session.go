package core

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// ID is the public name of a session, for logs, device lists and Manager.Revoke. It stays the same
// however often the session's token changes, but for the cookie store, where RotateID changes both. It gives no access, and is no secret: let it name no
// channel, no file and no CSRF token.
type ID = driver.ID

// ParseID reads what ID.String wrote.
func ParseID(s string) (ID, error) { return driver.ParseID(s) }

// Session is one request's hold on a session. It may be used by several goroutines of
// that request. After the request every method that can fails with ErrClosed
// and changes nothing. Values are read and written with [Key].
//
// Methods that change something return an error which may be ignored: the
// request then fails with it and stores nothing. A handler that answers with a status of 400 or more stands
// by its answer, and nothing is stored either. ErrHeaderSent from such a method says that the change would need a
// cookie, and the response has left without it; that one change was not made, others are.
//
// Printed, logged or put into a page, by value or by pointer, it shows its ID in short and nothing else.
type Session struct {
	*hidden // fmt prints what is behind a pointer where it may not call methods, but nothing behind a second one
}

// hidden is all of a Session.
type hidden struct {
	shell Session // that leads here: one allocation for both

	x *Exchange // nil for a view

	mu  sync.Mutex
	err error // why the session cannot be used any more

	rec held  // as stored; without a meaning while !live
	cur state // rec.Data after ops
	ops []op  // what was done since rec was stored,

	fixed uint32 // the first of them being saved
	gen   uint32 // counts changes

	token     string // what the client holds, or is to hold; "" if it holds a newer one
	next      issued
	remaining time.Duration // from the last save or touch to rec.Expires

	rare    *rare    // nil where there is none of it
	running *running // functions given to Update

	delivery delivery
	fate     fate // of rec when saving
	accessed bool
	live     bool // there is a record, and it is ours
	late     bool // the session that the token stood for is over, or has another token
	crowded  bool // the request carries too many tokens to look at
	refused  bool // something was to be changed in spite of err
	rotate   bool // give it a new token when saving
	emptied  bool // Flashes has taken the last that an anonymous session held
	shared   bool // a save under way reads cur.changes
	sent     bool // the header has left, or is being made
	unsaved  bool // the last Save failed, and the handler knows

	reruns atomic.Int32 // saves and Updates under way that may run functions anew
}

// rare is what few requests have, apart so that the others are smaller.
type rare struct {
	failed    []failure                   // why the changes cannot be saved
	presented []presented                 // what the request brought and cannot use
	taken     func(context.Context) error // of an Adoption that is not stored yet
	late      bool                        // a change came after the header, and the log has it
}

// presented returns what the request brought and cannot use. s.mu is held.
func (s *Session) presented() []presented {
	if s.rare == nil {
		return nil
	}
	return s.rare.presented
}

// present adds to it.
func (s *Session) present(list ...presented) {
	r := s.rarely()
	r.presented = append(r.presented, list...)
}

// rarely returns s.rare, made if need be.
func (s *Session) rarely() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// fate is what a save does to the session that the request came with.
type fate byte

const (
	fateKeep fate = iota
	fateLogin
	fateEnd
)

// presented is a session that the request brought a good token of, and that it cannot use.
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

// deadSession stands in where there is none, so that nobody is handed a nil.
func deadSession(err error) *Session {
	return newSession(&hidden{err: err, cur: state{header: header{codec: JSON{}}}})
}

func newSession(h *hidden) *Session {
	h.shell.hidden = h
	return &h.shell
}

// ID is the public name of the session: the zero ID while there is nothing to store. From Login or
// Destroy on it is that of the session to come; RotateID leaves it as it is, but for the cookie store.
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

// IsNew reports whether no stored session stands behind the request. It also is true where the store has not said: see Err.
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

// Accessed reports whether the session was used in this request, and so whether the response
// depends on the cookie.
func (s *Session) Accessed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accessed
}

// Err returns why the session cannot be used (ErrClosed, ErrNoSession, an outage of the
// store) or why its changes cannot be saved (a *ValueError). Default: nil.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	return s.failure()
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

// AuthTime is the time of the last Login; zero if there was none. Ask for the password
// again when it is too long ago for what the user is about to do.
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
