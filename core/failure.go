package core

import (
	"bytes"
	"context"
	"log/slog"
)

// failure is why the request's changes cannot be saved. Ignoring the error of a call must lose nothing silently.
type failure struct {
	key  []byte // whose value it is about, or what of the session; nil: it is about all
	err  error
	told bool // the log has it
}

// What a failure may be about beside a value. No key begins so.
const (
	aboutName   = reserved + "name"
	aboutFlash  = reserved + "message"
	aboutExpiry = reserved + "expiry"
	aboutLogin  = reserved + "login"
)

// fail keeps err, which is about the value under key, and returns it. After the header there is no response to fail: the
// handler has been told, and goes on with its other changes.
func (s *Session) fail(key string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if closed := s.writable(); closed != nil {
		return closed
	}
	if s.sent {
		s.tellLate(err)
	} else {
		s.spoil([]byte(key), err)
	}
	return err
}

// spoil keeps err for the save. s.mu is held.
func (s *Session) spoil(key []byte, err error) {
	r := s.rarely()
	r.failed = append(r.failed, failure{key: key, err: err})
}

// mend forgets what failed for a value that was set or removed since; for nil, all values. s.mu is held.
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

// forgive forgets all that failed. s.mu is held.
func (s *Session) forgive() {
	if s.rare != nil {
		s.rare.failed = nil
	}
}

// told reports whether the log has it already that the changes cannot be saved, and notes that it has now.
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

// tooLate refuses a change that needs a cookie after the header has left. The log has it once for a request.
// s.mu is held.
func (s *Session) tooLate() error {
	s.tellLate(ErrHeaderSent)
	return ErrHeaderSent
}

// tellLate reports the first change that was refused after the header: the handler has been told, and any
// client may come again. s.mu is held.
func (s *Session) tellLate(why error) {
	if r := s.rarely(); !r.late {
		r.late = true
		s.x.m.warn(s.x.Context(), EventDropped, "session changes not stored", "session", s.rec.ID, "error", why)
		s.x.drop(s.x.Context(), s.rec.ID, why, slog.LevelDebug)
	}
}

// drop tells the Observer and the log that changes are not stored.
func (x *Exchange) drop(ctx context.Context, id ID, why error, level slog.Level) {
	x.m.observe(ctx, Event{Kind: EventDropped, ID: id, Err: why})
	x.m.cfg.Logger.Log(aside{ctx}, level, "coatcheck: session changes not stored", "session", id, "error", why)
}
