package core

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
)

// failure is why the request's changes cannot be saved. It is kept so that nothing is lost silently when a handler
// ignores an error.
type failure struct {
	key  []byte // the value's key, or a constant below; nil: it is about the whole session
	err  error
	told bool // it is in the log
}

// What a failure may be about, other than a value. No key begins this way.
const (
	aboutName   = reserved + "name"
	aboutFlash  = reserved + "message"
	aboutExpiry = reserved + "expiry"
	aboutLogin  = reserved + "login"
)

// fail keeps err, which is about the value under key, and returns it. After the header there is no response to fail:
// the handler has the error, and goes on with its other changes.
func (s *Session) fail(key string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if closed := s.writable(); closed != nil {
		return closed
	}
	if s.sent && !s.outside() {
		s.tellLate(err)
	} else {
		s.spoil([]byte(key), err)
	}
	return err
}

// spoilBy is spoil for what the save of an op returned. A refusal is about one value. s.mu is held.
func (s *Session) spoilBy(err error) {
	var r *refusal
	if errors.As(err, &r) {
		s.spoil([]byte(r.key), err)
		return
	}
	s.spoil(nil, err)
}

// spoil keeps err, which makes the save fail. s.mu is held.
func (s *Session) spoil(key []byte, err error) {
	r := s.rarely()
	r.failed = append(r.failed, failure{key: key, err: err})
}

// mend forgets the failures of a value that was set or removed since; nil: of all values. s.mu is held.
func (s *Session) mend(key []byte) {
	if s.rare == nil || len(s.rare.failed) == 0 {
		return
	}
	kept := s.rare.failed[:0]
	for _, f := range s.rare.failed {
		if len(f.key) == 0 || key != nil && !bytes.Equal(f.key, key) {
			kept = append(kept, f)
		}
	}
	s.rare.failed = kept
}

// failure returns why the changes cannot be saved, nil if they can. s.mu is held.
func (s *Session) failure() error {
	if s.rare == nil || len(s.rare.failed) == 0 {
		return nil
	}
	return s.rare.failed[0].err
}

// forgive forgets all failures. s.mu is held.
func (s *Session) forgive() {
	if s.rare != nil {
		s.rare.failed = nil
	}
}

// told reports whether the failure is in the log already, and notes that it is now.
func (s *Session) told() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure() == nil {
		return false
	}
	was := s.rare.failed[0].told
	s.rare.failed[0].told = true
	return was
}

// tooLate refuses a change that needs a cookie after the header has left. It logs this once for a request. s.mu is
// held.
func (s *Session) tooLate() error {
	if s.outside() {
		s.spoil(nil, errOutside)
		return errOutside
	}
	s.tellLate(ErrHeaderSent)
	return ErrHeaderSent
}

// tellLate reports the first change that was refused after the header, and no other: the handler has been told, and a
// client may cause any number of them. s.mu is held.
func (s *Session) tellLate(why error) {
	if r := s.rarely(); !r.late {
		r.late = true
		s.x.m.warn(s.x.Context(), EventDropped, "session changes not stored", "session", s.rec.ID, "error", why)
		s.x.drop(s.x.Context(), s.rec.ID, why, slog.LevelDebug)
	}
}

// drop tells the Observer and the log that changes were not stored.
func (x *Exchange) drop(ctx context.Context, id ID, why error, level slog.Level) {
	x.m.observe(ctx, Event{Kind: EventDropped, ID: id, Err: why})
	x.m.cfg.Logger.Log(aside{ctx}, level, "coatcheck: session changes not stored", "session", id, "error", why)
}
