package core

import (
	"context"
	"math/rand/v2"
	"time"
)

// sweepBatch is how many records a store may remove in one go.
const sweepBatch = 1000

// Sweep removes expired sessions from the store now and returns how many it removed: 0 for stores that forget them by
// themselves. Every error matches ErrUnavailable and its cause: the store cannot answer, or ctx has ended. What was
// removed before the error stays removed. Django: the clearsessions command.
func (m *Manager) Sweep(ctx context.Context) (int, error) {
	total := 0
	for m.can.Sweeper != nil {
		n, err := m.can.Sweeper.Sweep(ctx, sweepBatch)
		total += n
		if err == nil {
			err = ctx.Err()
		}
		err = m.noAnswer(err)
		if err != nil || n < sweepBatch {
			m.observe(ctx, Event{Kind: EventSweep, Count: total, Err: err})
			return total, err
		}
	}
	return total, nil
}

// sweepLoop sweeps until Close. The interval varies by a tenth either way, so that many servers on one store do not
// sweep at the same time.
func (m *Manager) sweepLoop(ctx context.Context) {
	for {
		d := m.cfg.SweepInterval
		timer := time.NewTimer(d - d/10 + rand.N(d/5+1))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if _, err := m.Sweep(ctx); err != nil && ctx.Err() == nil {
			m.cfg.Logger.WarnContext(ctx, "coatcheck: the sweep failed", "store", m.info.Name, "error", err)
		}
	}
}
