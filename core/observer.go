package core

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Event is one thing that happened to a session, for metrics, traces and audit logs. It never holds a token. Its text
// holds no value, but a *ValueError in Err may lead to one: see there.
type Event struct {
	Kind     EventKind
	Outcome  Outcome       // how it went
	ID       ID            // the session; zero where it is not known
	Replaced ID            // with EventLogin: the session that it ended, zero if none
	Subject  string        // the user, where known
	Size     int           // bytes of Record.Data read or written
	Cached   bool          // with EventLoad: a cache answered, and the storage behind it was not asked
	Count    int           // with EventSweep: the number of records removed
	Duration time.Duration // of the store's call, with EventLoad to EventDelete
	Err      error         // with OutcomeFailed what went wrong, with EventDropped why; else nil
}

// Outcome says how an event went. What clients cause in the ordinary course, an expired token or a lost race, is no
// failure.
type Outcome string

const (
	OutcomeDone Outcome = "done" // it was done
	// For EventLoad to EventDelete, EventExpired and EventUnknown: there is no live record with this ID. It expired, was
	// ended, or never existed.
	OutcomeNotFound Outcome = "not_found"
	// Another request was faster. After EventCreate to EventDelete the save tries again; EventDropped is a 409. Or
	// RefuseNew has refused a sign-in (EventCreate, EventDropped): that is a 403.
	OutcomeConflict Outcome = "conflict"
	OutcomeFailed   Outcome = "failed" // Err says why
)

// outcomeOf splits the error of a call to the store into an outcome and the error of a failure.
func outcomeOf(err error) (Outcome, error) {
	switch {
	case err == nil:
		return OutcomeDone, nil
	case errors.Is(err, driver.ErrUnavailable):
		return OutcomeFailed, err
	case errors.Is(err, driver.ErrNotFound):
		return OutcomeNotFound, nil
	case errors.Is(err, driver.ErrConflict), errors.Is(err, driver.ErrExists), errors.Is(err, driver.ErrLimit):
		return OutcomeConflict, nil
	}
	return OutcomeFailed, err
}

// EventKind says what happened.
type EventKind string

const (
	EventLoad   EventKind = "load"   // the store was asked for a record
	EventCreate EventKind = "create" // a new record was written
	EventUpdate EventKind = "update" // a record was rewritten
	EventTouch  EventKind = "touch"  // a deadline was moved
	EventDelete EventKind = "delete" // a record was removed, or a token revoked

	EventConflict EventKind = "conflict" // another request was faster; the changes are applied again
	EventRotate   EventKind = "rotate"   // the session has a new token
	EventLogin    EventKind = "login"    // Login was stored; ID is the new session, Replaced the one that it ended
	// Logout, Destroy or Revoke was stored, or a sign-in has ended the session because of MaxPerSubject. With a store that
	// is NoRevocation, only the cookie goes. Where tokens carry the record, a RevokeSubject is one event, with the zero ID
	// and the Subject.
	EventDestroy EventKind = "destroy"
	EventExpired EventKind = "expired" // a record was past its absolute lifetime
	EventUnknown EventKind = "unknown" // a well-formed token that no record belongs to: expired, ended, or guessed
	// A token came just after its session had ended or been rotated. The request is anonymous.
	EventLate      EventKind = "late"
	EventReused    EventKind = "reused"    // a token came long after its session had been rotated: a copy, or a thief
	EventAdopt     EventKind = "adopt"     // Config.Adopt or Adoption.Taken failed, see Err
	EventAmbiguous EventKind = "ambiguous" // several live sessions in one request: none is used
	// A record, or a token that carries one, could not be read, junk included. The request is anonymous. A list
	// leaves it out.
	EventCorrupt EventKind = "corrupt"
	// A record is of a newer release, or of a codec or key that is not here. The request gets a 503. A list ends in
	// ErrUnreadable.
	EventUnreadable EventKind = "unreadable"
	EventDecode     EventKind = "decode"  // a value, or a message, could not be decoded
	EventDropped    EventKind = "dropped" // changes were not stored, see Err
	EventSweep      EventKind = "sweep"   // expired records were removed
)

// observe reports e.
func (m *Manager) observe(ctx context.Context, e Event) {
	if m.cfg.Observer == nil {
		return
	}
	switch {
	case e.Outcome != "":
	case e.Err == nil:
		e.Outcome = OutcomeDone
	case errors.Is(e.Err, ErrEnded), errors.Is(e.Err, ErrRefused), errors.Is(e.Err, ErrTooManySessions):
		e.Outcome = OutcomeConflict
	default:
		e.Outcome = OutcomeFailed
	}
	defer m.observed(ctx, e.Kind)
	m.cfg.Observer(withoutSession(ctx), e)
}

// observed is deferred around each call of the Observer. A panic ends here: no delete may depend on the Observer.
func (m *Manager) observed(ctx context.Context, kind EventKind) {
	p := recover()
	if p == nil {
		return
	}
	if skipped, ok := m.throttle.allow("observer", m.now()); ok {
		m.cfg.Logger.ErrorContext(aside{ctx}, "coatcheck: the Observer panicked", "event", string(kind), "panic", p, "skipped", skipped)
	}
}

// withoutSession is ctx as an Observer gets it.
func withoutSession(ctx context.Context) context.Context {
	if _, is := ctx.(*endless); is {
		return ctx
	}
	return aside{ctx}
}

// Observers joins several functions to one Config.Observer, which calls them in their order: metrics, and traces, and an
// audit log. Those that are nil are left out. A panic in one does not keep the event from those after it. Default: nil,
// of none.
func Observers(list ...func(context.Context, Event)) func(context.Context, Event) {
	list = slices.DeleteFunc(slices.Clone(list), func(o func(context.Context, Event)) bool { return o == nil })
	switch len(list) {
	case 0:
		return nil
	case 1:
		return list[0]
	}
	return func(ctx context.Context, e Event) { callAll(list, ctx, e) }
}

// callAll calls the others also if the first one panics. Observe recovers that.
func callAll(list []func(context.Context, Event), ctx context.Context, e Event) {
	if len(list) > 1 {
		defer callAll(list[1:], ctx, e)
	}
	list[0](ctx, e)
}

// quiet is the minimum time between two warnings of one kind. What a single client can cause with each request must
// not fill the log.
const quiet = 10 * time.Second

// throttle lets one line of each kind through per quiet interval, and counts the others.
type throttle struct {
	mu    sync.Mutex
	lines map[EventKind]*throttled
}

type throttled struct {
	until   int64 // in microseconds
	skipped int
}

// allow returns how many lines were skipped since the last one, and whether this one may be written.
func (t *throttle) allow(kind EventKind, now int64) (skipped int, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	line := t.lines[kind]
	if line == nil {
		line = new(throttled)
		if t.lines == nil {
			t.lines = map[EventKind]*throttled{}
		}
		t.lines[kind] = line
	}
	if now < line.until && line.until-now <= quiet.Microseconds() { // if it has longer to wait, the clock was set back
		line.skipped++
		return 0, false
	}
	skipped, line.skipped, line.until = line.skipped, 0, now+quiet.Microseconds()
	return skipped, true
}

// warn logs what clients can cause again and again, at most once per quiet interval.
func (m *Manager) warn(ctx context.Context, kind EventKind, text string, args ...any) {
	if skipped, ok := m.throttle.allow(kind, m.now()); ok {
		m.cfg.Logger.WarnContext(aside{ctx}, "coatcheck: "+text, append(args, "skipped", skipped)...)
	}
}
