package gormstore

import "context"

// queue returns when it is the caller's turn to write: a channel lets those who wait go in order. SQLite lets one write
// at a time and has no queue: who waits looks again after a pause, and under load hundreds of others come first, until
// the caller's deadline has passed. Other processes, and other pools of this one, are not in this queue.
func (s *Store) queue(ctx context.Context) (done func(), err error) {
	if s.turn == nil {
		return func() {}, nil
	}
	select {
	case s.turn <- struct{}{}:
		return func() { <-s.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
