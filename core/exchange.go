package core

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Exchange is one request's use of a session. Adapters work with it:
//
//	x := m.Adapter().Begin(ctx, header) // at the start; no I/O
//	x.Context()                       // for the rest of the request
//	out, err := x.Commit(ctx, code)   // before the first byte of the response
//	x.Finish(ctx)                     // when the handler has returned
//	out = x.Discard()                 // instead, when it panicked
//
// All methods may be called concurrently. After Finish or Discard the session's methods return ErrClosed. An Exchange
// keeps nothing that belongs to the framework, except what Client was given.
type Exchange struct {
	printer[exchangeName]

	m     *Manager
	ctx   exchangeContext
	line  *string // first header line that may have a token, nil if there is none
	raw   *[]byte // the same, where the adapter reuses its memory
	extra *extra  // nil if it would be empty
	s     atomic.Pointer[Session]

	// revert takes back what inner exchanges have stored, and returns what the client must be told of the rest. It is
	// nil if they stored nothing.
	revert func(context.Context) []Out
	within *Out // what the response carries, for the outer exchange; nil if there is none

	mu    sync.Mutex // held while the store is asked
	phase phase
	at    uint8 // of line, in Manager.carriers

	passive bool  // Passive was called
	saving  bool  // a save is under way; the session's mu guards it
	begun   int64 // roughly when the request began, in microseconds, if it carries a token
	now     int64 // when the session was loaded, roughly, in microseconds
}

// extra is what few requests have.
type extra struct {
	more   []carried                          // further lines that may have a token
	client func() (userAgent, address string) // see Client
}

// extras returns x.extra, made if need be.
func (x *Exchange) extras() *extra {
	if x.extra == nil {
		x.extra = new(extra)
	}
	return x.extra
}

type phase byte

const (
	phaseOpen   phase = iota
	phaseSent         // Commit has said what the header holds
	phaseClosed       // Finish, Discard, or a Commit that failed
)

func (x *Exchange) begin(m *Manager, ctx context.Context) {
	x.m = m
	x.ctx = exchangeContext{Context: ctx, x: x}
}

// Used reports whether the session was asked for.
func (x *Exchange) Used() bool { return x.s.Load() != nil }

// Passive makes the request one that does not count as use: it extends nothing. Its changes are stored and move neither
// the deadline nor the last use, unless the handler sets a deadline. Call it before the first save, so before the
// header of the response leaves.
func (x *Exchange) Passive() { x.passive = true }

// Context returns the context given to Begin, extended so that FromContext finds the session.
func (x *Exchange) Context() context.Context { return &x.ctx }

// Session returns the request's session, and loads it at the first call. An error says that the store could not
// answer. The session is not nil even then, but of no use.
func (x *Exchange) Session(ctx context.Context) (*Session, error) {
	if x == nil {
		return deadSession(ErrNoSession), ErrNoSession
	}
	if s := x.s.Load(); s != nil {
		return s.access()
	}
	return x.first(ctx)
}

// first is the first call of Session. A panic of the store or of Config.Adopt leaves x.mu free for Discard.
func (x *Exchange) first(ctx context.Context) (*Session, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s := x.s.Load(); s != nil { // another goroutine came first
		return s.access()
	}
	if x.phase == phaseClosed {
		return deadSession(ErrClosed), ErrClosed
	}
	s := x.unloaded()
	err := x.load(ctx, s)
	s.accessed = true
	x.publish(s, err)
	return s, err
}

// unloaded returns the Session for load and publish. x.mu is held, and the request has none.
func (x *Exchange) unloaded() *Session {
	s := newSession(&hidden{x: x})
	s.cur.codec = x.m.cfg.Codec
	return s
}

// publish makes s, which load has filled and answered with err, the request's session. x.mu is held.
func (x *Exchange) publish(s *Session, err error) {
	s.err, s.sent = err, x.phase == phaseSent
	x.s.Store(s)
}

// access notes that somebody asked for the session, and returns it.
func (s *Session) access() (*Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accessed = true
	return s, s.err
}

// Finish stores changes that were made after Commit, if they need no cookie, and closes the session. An error says
// that changes were not stored and that no call has told the handler; it was logged. The client must not take the
// response for complete then: end its connection.
func (x *Exchange) Finish(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.s.Load()
	if s == nil || x.phase == phaseClosed {
		x.phase = phaseClosed
		return nil
	}
	s.mu.Lock()
	failed := s.failure()
	told := s.unsaved && s.rare.unsaved == s.gen // by the Save that failed
	dirty := s.dirty() || failed != nil
	if !dirty {
		x.phase = phaseClosed
		s.close(ErrClosed)
	}
	s.mu.Unlock()
	if !dirty {
		return nil
	}
	var err error
	switch {
	case x.phase != phaseSent:
		err = x.endOnly(ctx, s, errors.New("coatcheck: no response was committed"))
	case failed != nil:
		err = x.endOnly(ctx, s, failed)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		// The client was told that it took too long.
		err = x.endOnly(ctx, s, driver.Unavailable("coatcheck", errHurried))
	default:
		err = x.saveLate(ctx, s)
	}
	x.close(s, ErrClosed)
	if told {
		return nil
	}
	return exposed(err)
}

// saveLate is save, where a panic of a function given to Update counts as a failure: nobody above may recover it, and
// the response has begun. x.mu is held.
func (x *Exchange) saveLate(ctx context.Context, s *Session) (err error) {
	defer func() {
		if p := recover(); p != nil {
			x.m.cfg.Logger.ErrorContext(aside{ctx}, "coatcheck: a panic while late changes of a session were stored", "session", s.rec.ID, "panic", p)
			err = x.dropped(ctx, s, errPanic)
		}
	}()
	return x.save(ctx, s)
}

var errPanic = errors.New("coatcheck: a function given to Update panicked when it ran again after another request")

// Discard closes the session after a panic of the handler. It stores nothing, but carries out a Logout. If the header
// has not left, the response must carry Out.
func (x *Exchange) Discard() Out {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.s.Load()
	if s == nil || x.phase == phaseClosed {
		x.phase = phaseClosed
		return Out{}
	}
	open := x.phase == phaseOpen
	_ = x.endOnly(x.ctx.Context, s, nil) // logged
	x.close(s, ErrClosed)
	if !open {
		return Out{}
	}
	x.withdraw(s, deliverRefresh)
	return x.out(s)
}

// Closed reports whether the session can no longer be used.
func (x *Exchange) Closed() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.phase == phaseClosed
}

func (x *Exchange) close(s *Session, why error) {
	x.phase = phaseClosed
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close(why)
}

// close makes all methods return why. s.mu is held.
func (s *Session) close(why error) {
	if s.err == nil {
		s.err = why
	}
	s.endDone()
}
