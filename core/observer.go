package core

import (
	"context"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Event is one thing that happened to a session, for metrics, traces and audit logs.
// It never holds a token or a value.
type Event struct {
	Kind     EventKind
	ID       ID            // the session; zero where it is not known
	Subject  string        // the user, where known
	Size     int           // bytes of Record.Data read or written
	Duration time.Duration // of the store's call, with EventLoad to EventDelete
	Err      error         // what went wrong, nil if nothing did
}

// EventKind says what happened.
type EventKind string

const (
	EventLoad   EventKind = "load"   // the store was asked for a record
	EventCreate EventKind = "create" // a new record was written
	EventUpdate EventKind = "update" // a record was rewritten
	EventTouch  EventKind = "touch"  // a deadline was moved
	EventDelete EventKind = "delete" // a record was removed, or a token revoked

	EventConflict  EventKind = "conflict"  // another request was faster; the changes are applied again
	EventRotate    EventKind = "rotate"    // the session has a new ID
	EventLogin     EventKind = "login"     // Login was stored
	EventDestroy   EventKind = "destroy"   // Logout, Destroy or Revoke was stored
	EventExpired   EventKind = "expired"   // a record was past its absolute lifetime
	EventUnknown   EventKind = "unknown"   // a well-formed token that no record belongs to: expired, ended, or guessed
	EventRotated   EventKind = "rotated"   // a token was used shortly after its session got a new one
	EventAmbiguous EventKind = "ambiguous" // several live sessions in one request: none is used
	EventCorrupt   EventKind = "corrupt"   // a record could not be read; the request is anonymous
	EventDecode    EventKind = "decode"    // a value could not be decoded
	EventDropped   EventKind = "dropped"   // changes were not stored, see Err
	EventSweep     EventKind = "sweep"     // expired records were removed; Size is their number
)

// observe reports e. A panic of the Observer ends there: no delete may depend on it.
func (m *Manager) observe(ctx context.Context, e Event) {
	if m.cfg.Observer == nil {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			m.cfg.Logger.ErrorContext(aside{ctx}, "coatcheck: the Observer panicked", "event", string(e.Kind), "panic", p)
		}
	}()
	m.cfg.Observer(aside{ctx}, e)
}

// timed runs one call to the store and reports it with the size that call returns. An
// error that is none of the contract's is an outage: nothing else may fail open.
func (m *Manager) timed(ctx context.Context, kind EventKind, id ID, call func(context.Context) (int, error)) error {
	if m.cfg.Observer == nil {
		_, err := call(ctx)
		return m.known(err)
	}
	start := time.Now()
	size, err := call(ctx)
	err = m.known(err)
	m.observe(ctx, Event{Kind: kind, ID: id, Size: size, Duration: time.Since(start), Err: err})
	return err
}

func (m *Manager) known(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{
		driver.ErrNotFound, driver.ErrConflict, driver.ErrUnavailable, driver.ErrExists, driver.ErrTooLarge, driver.ErrCorrupt, errors.ErrUnsupported,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	return driver.Unavailable(m.info.Name, err)
}
