package core

import (
	"context"
	"errors"
)

// Several managers may serve one request. The inner one commits first. If the outer one fails then, the client is
// told of a failure although the inner session was stored. So what can be foreseen is checked before. A write of
// values, or of a new session, is taken back, unless another request has built on it by then. A Login, a Logout and an
// Adoption stay.

var errLifecycleStays = errors.New("coatcheck: a Login, a Logout or an Adoption cannot be taken back")

// outer is the Exchange of the manager that is mounted around this one, nil if there is none.
func (x *Exchange) outer() *Exchange {
	outer, _ := x.ctx.Context.Value(exchangeKey{}).(*Exchange)
	return outer
}

// saveWithin is save where outer commits after this one. x.mu is held.
func (x *Exchange) saveWithin(ctx context.Context, outer *Exchange, s *Session) error {
	for o := outer; o != nil; o = o.outer() {
		if err := o.obstacle(); err != nil {
			return x.dropped(ctx, s, err)
		}
	}
	s.mu.Lock()
	before, adopted := s.rec, s.adopted()
	s.mu.Unlock()
	if err := x.save(ctx, s); err != nil {
		return err
	}
	s.mu.Lock()
	after := s.rec
	s.mu.Unlock()
	told := new(Out)
	x.within = told
	outer.takesBack(func(ctx context.Context) []Out {
		if x.m.revert(ctx, before, after, adopted) {
			return []Out{*told}
		}
		return nil
	})
	return nil
}

// obstacle returns why a commit of a success will fail; nil if nothing is known to stop it.
func (x *Exchange) obstacle() error {
	s := x.s.Load()
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil && s.refused:
		return s.err
	case s.err != nil:
		return nil // the handler knows
	case s.failure() != nil:
		return s.failure()
	case s.crowded && s.dirty():
		return ErrCrowded
	case s.late && len(s.ops) > 0 && !has(s.ops, opLogin):
		return errLate
	}
	return nil
}

// takesBack adds revert to what is called if x fails.
func (x *Exchange) takesBack(revert func(context.Context) []Out) {
	x.mu.Lock()
	defer x.mu.Unlock()
	others := x.revert
	x.revert = func(ctx context.Context) []Out {
		told := revert(ctx)
		if others != nil {
			told = append(told, others(ctx)...)
		}
		return told
	}
}

// revert takes a write back. It reports whether a Login, a Logout or an Adoption stays: the client has to know of that.
func (m *Manager) revert(ctx context.Context, before, after held, adopted bool) (stays bool) {
	ctx, cancel := m.writeContext(ctx)
	defer cancel()
	var err error
	switch {
	case adopted, before.Version != 0 && before.ID != after.ID: // the other system's session is over
		err = errLifecycleStays
	case m.store == nil: // the client does not get the token
	case before.Version == 0 && after.Version != 0:
		err = m.remove(ctx, after.ID, fromMicros(after.Expires))
	case after.Version != 0:
		rec := after.record()
		rec.Data, rec.Expires = before.Data, fromMicros(before.Expires)
		_, err = m.replace(ctx, &rec, "")
	}
	if err != nil {
		if errors.Is(err, ErrUnavailable) {
			m.down(ctx, err)
		}
		m.observe(ctx, Event{Kind: EventDropped, ID: after.ID, Err: err})
		m.cfg.Logger.WarnContext(aside{ctx}, "coatcheck: a session was stored, although another manager's session of the same request was not", "session", after.ID, "error", err)
	}
	return errors.Is(err, errLifecycleStays)
}
