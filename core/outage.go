package core

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// An outage of the store is one line in the log when it begins, one with a count every few seconds, and one when it
// is over. It is over when the store answers, and no call has failed for five seconds. Each failure is a line at
// debug level.
const (
	outageTold = 5 * time.Second // between two counts
	outageOver = 5 * time.Second // without a failure: then the next answer ends the outage

	outageForgotten = time.Minute // without a failure or an answer: then the next failure begins another outage
)

type outage struct {
	on atomic.Bool

	mu                sync.Mutex
	began, told, last time.Time
	failed, sinceTold int // loads and saves
}

// down notes that a request was not served because the store failed: it did not answer, or it is full.
func (m *Manager) down(ctx context.Context, err error) {
	log := m.cfg.Logger
	log.DebugContext(aside{ctx}, "coatcheck: the store failed", "store", m.info.Name, "error", err)
	o, now := &m.outage, time.Now()
	o.mu.Lock()
	begins := !o.on.Swap(true) || now.Sub(o.last) > outageForgotten
	o.last = now
	if begins {
		o.began, o.told, o.failed, o.sinceTold = now, now, 0, 0
	}
	o.failed++
	o.sinceTold++
	counts, n := now.Sub(o.told) >= outageTold, o.sinceTold
	if counts {
		o.told, o.sinceTold = now, 0
	}
	began := o.began
	o.mu.Unlock()
	switch {
	case begins:
		log.ErrorContext(aside{ctx}, "coatcheck: the store fails", "store", m.info.Name, "error", err)
	case counts:
		log.ErrorContext(aside{ctx}, "coatcheck: the store still fails", "store", m.info.Name, "error", err,
			"failures", n, "for", now.Sub(began).Round(time.Second))
	}
}

// noteDown is down for a call that the application made itself and that returns err: an outage is in the log, whoever
// meets it. A caller whose own time is over met none.
func (m *Manager) noteDown(ctx context.Context, err error) {
	if errors.Is(err, ErrUnavailable) && ctx.Err() == nil {
		m.down(ctx, err)
	}
}

// up notes how a call of the store ended.
func (m *Manager) up(ctx context.Context, err error) {
	o := &m.outage
	if !o.on.Load() || errors.Is(err, ErrUnavailable) {
		return
	}
	now := time.Now()
	o.mu.Lock()
	over := o.on.Load() && now.Sub(o.last) >= outageOver
	if over {
		o.on.Store(false)
	}
	n, lasted := o.failed, o.last.Sub(o.began)
	o.mu.Unlock()
	if over {
		m.cfg.Logger.InfoContext(aside{ctx}, "coatcheck: the store works again", "store", m.info.Name,
			"failures", n, "after", lasted.Round(time.Millisecond))
	}
}
