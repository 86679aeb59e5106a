package core

import (
	"context"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// touch moves the deadline of a session that was only used. x.mu is held.
func (x *Exchange) touch(ctx context.Context, s *Session) error {
	m := x.m
	now := m.now()
	s.mu.Lock()
	rec, token, h := s.rec, s.token, s.cur.header
	s.mu.Unlock()
	writing, cancel := m.writeContext(ctx)
	defer cancel()
	fresh, err := m.extend(writing, &rec, fromMicros(m.deadline(&h, now)), token)
	if errors.Is(err, driver.ErrNotFound) || errors.Is(err, driver.ErrConflict) {
		// This request only read. Another one ended or rotated the session, and then its
		// cookie is not ours to send, or wrote to it and so moved the deadline itself.
		return nil
	}
	if errors.Is(err, driver.ErrTooLarge) {
		return nil // a full cookie, and a longer key ID or version: the one that the client has stays valid
	}
	if err != nil {
		return x.dropped(ctx, s, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec, s.token, s.left = rec, fresh, rec.Expires.Sub(fromMicros(now))
	s.delivery = max(s.delivery, deliverRefresh)
	if fresh != token {
		s.delivery = deliverToken
	}
	return nil
}
