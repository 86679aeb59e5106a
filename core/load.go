package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Loading: from the request's tokens to the one live session that they stand for.

// lateFor is how long after a session's end, or after RotateID, its old token is known to be late. It is more than a
// request that was sent with that token may take to arrive.
const lateFor = 30_000_000 // microseconds

// load puts into s the one live session that the request's tokens stand for.
func (x *Exchange) load(ctx context.Context, s *Session) error {
	var array [maxCandidates + 1]string
	_, tokens := x.decide(array[:0])
	if len(tokens) == 0 {
		return x.adopt(ctx, s)
	}
	x.now = x.m.roughly()
	hurried := x.hurried()
	calls, cancel := x.loadContext(ctx)
	defer cancel()
	l := loading{x: x, ctx: ctx, calls: calls, s: s}
	if len(tokens) > maxCandidates {
		s.crowded, tokens = true, nil
		x.m.observe(ctx, Event{Kind: EventAmbiguous})
		x.m.cfg.Logger.DebugContext(aside{ctx}, "coatcheck: a request carries more cookies of the session's name than we can have set")
	}
	var unreadable error
	for _, token := range tokens {
		var err error
		if s.live {
			err = l.another(token)
		} else if err = l.open(token, &s.rec, &s.cur); err == nil {
			s.live, s.token = true, token
		}
		switch { // no other error matters here
		case errors.Is(err, driver.ErrUnavailable):
			if hurried && calls.Err() != nil {
				x.m.warn(ctx, EventLoad, "session not loaded: the request's own deadline left no time for it", "error", err)
			} else {
				x.m.down(ctx, err)
			}
			l.anonymous(false)
			return err
		case errors.Is(err, ErrUnreadable):
			unreadable = err
		}
	}
	if unreadable != nil {
		if s.live { // a Login or Logout ends it, and those that cannot be read
			l.more = append(l.more, presented{rec: s.rec})
		}
		if len(l.more) > 0 {
			s.present(l.more...)
		}
		l.anonymous(false)
		return unreadable
	}
	l.choose()
	if s.live && s.cur.subject != "" || s.late || s.crowded || s.rare != nil {
		return nil
	}
	return x.adopt(ctx, s)
}

// loadContext is the context for loading the request's session. A helper's context that ends soon must not spoil the
// session for the others. So it ends with the request's own deadline, and goes on if the client has gone.
func (x *Exchange) loadContext(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := x.m.writeContext(ctx)
	if x.m.info.InMemory {
		return ctx, cancel
	}
	if deadline, ok := x.ctx.Deadline(); ok {
		var sooner context.CancelFunc
		ctx, sooner = context.WithDeadline(ctx, deadline)
		return ctx, func() { sooner(); cancel() }
	}
	return ctx, cancel
}

// hurry is the time left to a request below which a store that does not answer is no outage: the request had too
// little time.
const hurry = 50 * time.Millisecond

// hurried reports whether the request's own deadline is over, or nearly over.
func (x *Exchange) hurried() bool {
	deadline, ok := x.ctx.Deadline()
	return ok && time.Until(deadline) < hurry
}

// loading is one look at all tokens of a request.
type loading struct {
	x     *Exchange
	ctx   context.Context // for the Logger and the Observer
	calls context.Context // for the store
	s     *Session
	past  []pastToken
	more  []presented // live sessions beside that of s
}

// pastToken is a token that was, or may have been, a session's.
type pastToken struct {
	rec  held
	kind EventKind // EventLate, EventReused
	own  bool      // it was the session's last token before the present one
}

// another looks at a token when a session was found already. Two tokens of one session count as one.
func (l *loading) another(token string) error {
	s, m := l.s, l.x.m
	if id, ok := m.space.selected(token); ok && m.tokens == nil && id == s.rec.ID {
		return nil
	}
	var rec held
	var st state
	err := l.open(token, &rec, &st)
	switch {
	case err != nil:
		return err
	case rec.ID != s.rec.ID:
		l.more = append(l.more, presented{rec: rec})
	case rec.Version > s.rec.Version: // a newer cookie that carries the same session
		s.rec, s.cur, s.token = rec, st, token
	}
	return nil
}

// choose decides which session the request has, when all tokens have been seen.
func (l *loading) choose() {
	s := l.s
	late := false
	for _, p := range l.past {
		opens := func(other presented) bool { return other.rec.ID == p.rec.ID }
		if s.live && p.rec.ID == s.rec.ID || slices.ContainsFunc(l.more, opens) {
			continue // another token of the request opens it
		}
		late = l.report(p) || late
	}
	if len(l.more) > 0 {
		s.present(append(l.more, presented{rec: s.rec})...)
		l.anonymous(false)
		l.ambiguous()
	} else if !s.live {
		l.anonymous(late)
	}
}

// report reports a token that is no longer valid, and returns whether it was late.
func (l *loading) report(p pastToken) (late bool) {
	m := l.x.m
	m.observe(l.ctx, Event{Kind: p.kind, ID: p.rec.ID, Subject: p.rec.Subject})
	if p.kind == EventLate {
		if p.own {
			l.s.present(presented{p.rec, endOnLogout})
		}
		return true
	}
	m.warn(l.ctx, EventReused, "a session's former token was used again", "session", p.rec.ID)
	if !m.cfg.RevokeOnReuse {
		return false
	}
	if err := m.remove(l.calls, p.rec.ID, fromMicros(p.rec.Expires)); err != nil {
		m.warn(l.ctx, EventDelete, "a session whose former token was used again could not be ended, and is still alive", "session", p.rec.ID, "error", err)
		return false
	}
	m.observe(l.ctx, Event{Kind: EventDestroy, ID: p.rec.ID, Subject: p.rec.Subject})
	return false
}

func (l *loading) ambiguous() {
	l.x.m.observe(l.ctx, Event{Kind: EventAmbiguous})
	l.x.m.warn(l.ctx, EventAmbiguous, "a request carries several sessions and uses none: it has "+
		"an older cookie with another Domain or Path, or one that a sibling domain has set. A name with __Host- rules out both",
		"cookie", l.x.m.cfg.Cookie.Name)
}

// anonymous makes s the session of a request that carries none.
func (l *loading) anonymous(late bool) {
	s := l.s
	*s.hidden = hidden{shell: s.shell, way: s.way, x: s.x, late: late, crowded: s.crowded, rare: s.rare, cur: state{header: header{codec: s.x.m.cfg.Codec}}}
}

// header returns the first line that may have a token.
func (x *Exchange) header() string {
	switch {
	case x.line != nil:
		return *x.line
	case x.raw != nil:
		return string(*x.raw)
	}
	return ""
}

var errJunk = errors.New("coatcheck: not a token")

// open reads the live session that token stands for.
func (l *loading) open(token string, rec *held, st *state) (err error) {
	m := l.x.m
	if m.tokens != nil {
		if err = m.unseal(l.calls, token, rec, st); err != nil && !rec.ID.IsZero() {
			err = l.unread(rec, err) // a token of ours
		}
	} else {
		err = l.find(token, rec, st)
	}
	if err == nil && !m.over(&st.header, rec.Used, l.x.now) {
		return nil
	}
	kind := EventKind("")
	switch {
	case err == nil:
		kind, err = EventExpired, driver.ErrNotFound
	case errors.Is(err, errPast):
		return err // choose reports it
	case errors.Is(err, driver.ErrNotFound):
		kind = EventUnknown
	case errors.Is(err, driver.ErrCorrupt):
		kind = EventCorrupt
		l.corrupt(rec, err)
	case errors.Is(err, ErrUnreadable):
		kind = EventUnreadable
		m.warn(l.ctx, kind, "session not loaded", "session", rec.ID, "error", err)
	}
	if kind != "" {
		e := Event{Kind: kind, ID: rec.ID}
		e.Outcome, e.Err = outcomeOf(err)
		m.observe(l.ctx, e)
	}
	return err
}

// corrupt logs that a session cannot be read. A damaged record is the operator's business. A token that carries its
// record and does not open is not: anybody can make up a thousand of those.
func (l *loading) corrupt(rec *held, err error) {
	const text = "session cannot be read, the request goes on as anonymous"
	m := l.x.m
	if m.tokens != nil {
		m.cfg.Logger.DebugContext(aside{l.ctx}, "coatcheck: "+text, "session", rec.ID, "error", err)
		return
	}
	m.warn(l.ctx, EventCorrupt, text, "session", rec.ID, "error", err)
}

var errPast = errors.New("coatcheck: no longer a session's token")

// find is open for tokens that select a record and prove the right to it.
func (l *loading) find(token string, rec *held, st *state) error {
	m := l.x.m
	id, ok := m.space.selected(token)
	if !ok {
		return errJunk
	}
	err := m.fetch(l.calls, id, rec)
	if err != nil {
		return l.absent(rec, err)
	}
	hash := m.space.hash(token)
	b, ok := blockOf(rec.Data)
	if m.can.Reloader != nil && !(ok && b.kind() == kindSession && b.takes(&hash)) {
		// A cache must not make a new token look wrong.
		if err = m.fetchPastCaches(l.calls, id, rec); err != nil {
			return l.absent(rec, err)
		}
		b, ok = blockOf(rec.Data)
	}
	switch {
	case !ok:
		return l.unread(rec, driver.Corrupt("coatcheck: record without a block"))
	case b.kind() != kindSession:
		return l.over(rec, b)
	case !b.takes(&hash):
		return l.former(rec, b, &hash)
	}
	if err = m.open(rec, st); err != nil { // corrupt, or unreadable
		return l.unread(rec, err)
	}
	return nil
}

// absent handles a record that the store cannot show. A request that took long to be sent may have had a session when
// it began.
func (l *loading) absent(rec *held, err error) error {
	switch {
	case isAny(err, driver.ErrCorrupt, driver.ErrUnreadable):
		return l.unread(&held{ID: rec.ID}, err)
	case errors.Is(err, driver.ErrNotFound) && l.x.now-l.x.begun > lateFor:
		l.past = append(l.past, pastToken{held{ID: rec.ID}, EventLate, false})
		return errPast
	}
	return err
}

// unread keeps a record for a Login or Logout to end. Nothing else ends it, so that somebody who can mend it finds
// it.
func (l *loading) unread(rec *held, err error) error {
	l.s.present(presented{*rec, endOnLifecycle})
	return err
}

// over handles a session that a request has ended.
func (l *loading) over(rec *held, b block) error {
	if b.replaced() < l.x.begun-lateFor {
		return driver.ErrNotFound
	}
	l.past = append(l.past, pastToken{*rec, EventLate, false})
	return errPast
}

// former handles a live session that has another token.
func (l *loading) former(rec *held, b block, hash *tokenHash) error {
	justNow := b.replaced() >= l.x.begun-lateFor
	switch {
	case b[atBy] == byRotateID && justNow:
		l.past = append(l.past, pastToken{*rec, EventLate, b.took(hash)})
	case b.took(hash) && !justNow: // just after a renewal, the former token is no reuse
		l.past = append(l.past, pastToken{*rec, EventReused, false})
	default:
		return driver.ErrNotFound
	}
	return errPast
}
