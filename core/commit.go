package core

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// The end of a request, before its header leaves: what is stored, and what the header carries.

// Commit stores what the request did, before the header of a response with this status leaves. The first call
// decides; later ones change nothing. It stores even if the client has gone. ErrEnded: another request ended the
// session, and the changes were dropped.
//
// Only a Logout is stored in three cases. First, the status is 500 or more, or 408. Second, the deadline of ctx has
// passed: a timeout middleware has answered already, and if there is none, the client must not be told of a success.
// Third, the status is 400 or more and a method of the session has failed: the status is the handler's answer to
// that.
//
// After an error the client must get none of the handler's response. HTTPStatus tells which status it should get, and
// Out what goes with it: a Save may have stored a Login, a RotateID or a Logout before, and only this client may get
// its token. The session is closed then.
func (x *Exchange) Commit(ctx context.Context, status int) (Out, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.phase != phaseOpen {
		return Out{}, nil
	}
	x.phase = phaseSent
	m, s := x.m, x.s.Load()
	if s == nil && m.cfg.SaveEveryRequest && !x.passive {
		s = x.unloaded()
		x.publish(s, x.load(ctx, s))
	}
	if s == nil {
		return Out{}, nil
	}
	s.mu.Lock()
	if x.unchanged(s, status) { // most requests: one lock is enough
		out := Out{Vary: m.varyOf(s)}
		s.sent = true
		s.mu.Unlock()
		return x.answered(out), nil
	}
	pending := s.delivery != deliverNothing
	s.mu.Unlock()
	err := x.conclude(ctx, s, status)
	if err == nil {
		return x.answered(x.out(s)), nil
	}
	x.close(s, ErrClosed)
	if !pending {
		x.withdraw(s, deliverToken)
	}
	x.withdraw(s, deliverRefresh)
	out := x.out(s)
	if out.Name == "" {
		out.Vary = "" // of the error page, which nobody may store
	}
	if x.revert != nil {
		out.More = append(out.More, x.revert(ctx)...)
	}
	return out, exposed(err)
}

// unchanged reports whether the request has only read its session, and the response needs nothing but Vary. s.mu is held.
func (x *Exchange) unchanged(s *Session, status int) bool {
	return s.err == nil && !s.dirty() && !s.emptied && !s.unsaved && s.failure() == nil && s.delivery == deliverNothing &&
		!x.due(s) && status < http.StatusInternalServerError && status != http.StatusRequestTimeout
}

// due reports whether it is time to move the deadline of s. s.mu is held.
func (x *Exchange) due(s *Session) bool {
	return s.live && s.token != "" && !x.passive && x.m.touchDue(&s.cur.header, s.rec.Used, x.now)
}

// answered notes what the response carries, for the outer exchange.
func (x *Exchange) answered(out Out) Out {
	if x.within != nil {
		*x.within = out
	}
	return out
}

// varyOf returns the members of Vary for a response to s. s.mu is held.
func (m *Manager) varyOf(s *Session) string {
	if s.accessed || s.delivery != deliverNothing {
		return m.vary
	}
	return ""
}

// errHurried is for a request that had no time left: its client was slow, and there is no outage.
var errHurried = fmt.Errorf("the request had no time left to save its session: %w", context.DeadlineExceeded)

var errAnswered = errors.New("coatcheck: a Save failed, and the handler answered with an error status")

// conclude saves, ends or touches s, as the response calls for. x.mu is held.
func (x *Exchange) conclude(ctx context.Context, s *Session, status int) error {
	s.mu.Lock()
	gone, failed, dirty := s.err, s.failure(), s.dirty()
	answered := status >= http.StatusBadRequest && (failed != nil || s.unsaved)
	pending := s.delivery != deliverNothing && s.live
	claims := s.refused || errors.Is(gone, ErrEnded) // a success would be a false claim
	emptied := s.emptied
	due := x.due(s)
	// From here on, a goroutine's change comes too late for the cookie. If there will be a record, it needs none.
	s.sent = x.m.tokens != nil || !dirty || s.cur.empty()
	s.mu.Unlock()
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch {
	case gone != nil && claims && status < http.StatusBadRequest:
		return gone // the handler was told
	case gone != nil:
	case status >= http.StatusInternalServerError, status == http.StatusRequestTimeout:
		_ = x.endOnly(ctx, s, nil) // logged
		x.close(s, ErrClosed)
		x.withdraw(s, deliverRefresh)
	case late:
		x.withdraw(s, deliverRefresh)
		if dirty || failed != nil {
			return x.endOnly(ctx, s, driver.Unavailable("coatcheck", errHurried))
		}
	case answered:
		if failed == nil {
			failed = errAnswered
		}
		x.drop(ctx, s.rec.ID, failed, slog.LevelDebug)
		err := x.endOnly(ctx, s, nil)
		x.close(s, ErrClosed)
		x.withdraw(s, deliverRefresh)
		return err
	case failed != nil:
		return x.endOnly(ctx, s, failed)
	case dirty || emptied:
		err := x.commit(ctx, s)
		if err == errTakenBefore {
			return nil // it has only read
		}
		if err != nil {
			_ = x.endOnly(ctx, s, nil) // a Logout among the changes that were not stored
		}
		return err
	case pending:
		x.confirm(ctx, s)
	case due:
		x.touch(ctx, s)
	}
	return nil
}

// endOnly carries out a Logout and drops all other changes. It reports why, unless that is nil. It returns an error
// if the request made changes that were not stored. x.mu is held.
func (x *Exchange) endOnly(ctx context.Context, s *Session, why error) error {
	told := s.told()
	s.mu.Lock()
	ends := s.fate == fateEnd && s.err == nil
	whole := ends && len(s.ops) == 0 && s.failure() == nil
	if ends {
		s.clear()
	}
	s.mu.Unlock()
	if ends {
		if err := x.save(ctx, s); err != nil {
			return err
		}
	}
	if why == nil || whole {
		return nil
	}
	if told {
		return why
	}
	return x.dropped(ctx, s, why)
}

// commit is the save before the header, when a cookie can still be sent. x.mu is held.
func (x *Exchange) commit(ctx context.Context, s *Session) error {
	x.phase = phaseOpen
	var err error
	if outer := x.outer(); outer == nil {
		err = x.save(ctx, s)
	} else {
		err = x.saveWithin(ctx, outer, s)
	}
	x.phase = phaseSent
	return err
}

// confirm asks whether what an earlier Save wrote is still there. If another request ended the session since, or gave
// it another token, its cookie must not be sent. The save itself was acknowledged: if the store does not answer, the
// response stands, and the cookie keeps its old lifetime. x.mu is held.
func (x *Exchange) confirm(ctx context.Context, s *Session) {
	ctx, cancel := x.m.writeContext(ctx)
	defer cancel()
	switch err := x.m.alive(ctx, s.rec); {
	case errors.Is(err, driver.ErrNotFound):
		x.withdraw(s, deliverToken)
	case err != nil:
		x.withdraw(s, deliverRefresh)
	}
}

// withdraw cancels the delivery if it comes at or before most in the order of the constants.
func (x *Exchange) withdraw(s *Session, most delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.delivery <= most {
		s.delivery = deliverNothing
	}
}

// out returns what the header must carry. x.mu is held.
func (x *Exchange) out(s *Session) Out {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := x.m
	out := Out{Vary: m.varyOf(s)}
	deliver := s.delivery
	out.More = s.forgotten(deliver)
	s.delivery, s.sent = deliverNothing, true
	persistent := m.persistent(s.cur.expiry)
	if deliver == deliverNothing || deliver == deliverRefresh && !persistent || deliver != deliverDeletion && s.token == "" {
		return out
	}
	by := x.deciding()
	out.Name = by.answer
	if by.source != FromCookie {
		if deliver != deliverDeletion {
			out.Value = s.token
		}
		return out
	}
	switch {
	case deliver == deliverDeletion:
		out.Value = m.cookiePrefix + "; Max-Age=0" + m.cookieSuffix
	case persistent:
		out.Value = m.setCookie(s.token, s.remaining)
	default:
		out.Value = m.setCookie(s.token, -1)
	}
	return out
}
