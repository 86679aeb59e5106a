package crossingstore

import (
	"context"
	"time"
)

// MoveOne is what Move does for each record.
var MoveOne = (*Store).move

// Hurry makes s look at a reservation once more, without a pause.
func (s *Store) Hurry() {
	s.patience = 1
	s.sleep = func(context.Context, time.Duration) error { return nil }
}
