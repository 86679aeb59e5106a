package core

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// touch writes down that a session was used, and moves its deadline. The handler did not ask for that. So a failure
// is reported and costs the new deadline, but not the page. x.mu is held.
func (x *Exchange) touch(ctx context.Context, s *Session) {
	m := x.m
	now := m.now()
	s.mu.Lock()
	rec, token, h := s.rec, s.token, s.cur.header
	s.mu.Unlock()
	writing, cancel := m.writeContext(ctx)
	defer cancel()
	fresh, err := m.extend(writing, &rec, now, m.deadline(&h, now), token)
	switch {
	case errors.Is(err, driver.ErrNotFound), errors.Is(err, driver.ErrConflict):
		// This request only read. Another one ended or rotated the session: then we must not send its cookie. Or it
		// wrote to the session, and so moved the deadline itself.
		return
	case err != nil: // ErrTooLarge, too: a full cookie whose version or times take a byte more
		m.observe(ctx, Event{Kind: EventDropped, ID: rec.ID, Err: err})
		m.warn(ctx, EventTouch, "the use of a session was not written down; it may expire early", "session", rec.ID, "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	moved := rec.Expires > s.rec.Expires
	s.rec, s.token, s.remaining = rec, fresh, time.Duration(rec.Expires-now)*time.Microsecond
	if fresh != token {
		s.delivery = deliverToken
	} else if moved {
		s.delivery = max(s.delivery, deliverRefresh)
	}
	s.followOn() // with the cookie store, until the new cookie's deadline
}
