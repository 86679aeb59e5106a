package core

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
)

// This file is the only one that calls the store for requests. It is the seam between a session and the place where
// its identity and content are kept. There are two kinds of store. One keeps records, which a split token selects
// (store). The other has tokens that carry their record (tokens); tokens.go saves those. A third kind, such as the
// table of another system, would be a case of the functions here.

// issue makes the ID of a new session, and its token.
func (m *Manager) issue() issued {
	if m.tokens != nil {
		return issued{id: m.space.newID()} // SealToken makes the token
	}
	return m.space.newToken()
}

// reissue makes the next token of a session. A token that carries its record is revoked by its ID, so it can only be
// replaced together with the ID.
func (m *Manager) reissue(id driver.ID) issued {
	if m.tokens != nil {
		return m.issue()
	}
	return m.space.nextToken(id)
}

// fetch loads the record under id.
func (m *Manager) fetch(ctx context.Context, id driver.ID, rec *held) error {
	return m.load(ctx, id, rec, nil)
}

// fetchPastCaches is fetch for callers that need the newest state of the record.
func (m *Manager) fetchPastCaches(ctx context.Context, id driver.ID, rec *held) error {
	if m.can.Reloader == nil {
		return m.load(ctx, id, rec, nil)
	}
	return m.load(ctx, id, rec, m.can.Reloader.Reload)
}

// load is fetch with a function in the place of the store's Load, unless that is nil.
func (m *Manager) load(ctx context.Context, id driver.ID, into *held, load func(context.Context, driver.ID) (driver.Record, error)) error {
	var rec driver.Record
	var err error
	cached, start := false, m.started()
	switch { // not through timed: a record that a function captures costs 60 ns
	case load != nil:
		rec, err = load(ctx, id)
	case m.cfg.Observer != nil && m.can.CacheReporter != nil:
		rec, cached, err = m.can.CacheReporter.LoadReported(ctx, id)
	default:
		rec, err = m.store.Load(ctx, id)
	}
	err = m.answered(ctx, EventLoad, id, start, reply{size: len(rec.Data), cached: cached}, err)
	if err == nil && rec.ID != id {
		// Not ErrCorrupt: the record that was asked for may be sound.
		err = driver.Unavailable("coatcheck: "+m.info.Name, errors.New("the store answered with another session's record"))
	}
	if err != nil && !isAny(err, driver.ErrNotFound, driver.ErrCorrupt, driver.ErrUnreadable, driver.ErrUnavailable) {
		err = driver.Unavailable("coatcheck: "+m.info.Name, err) // no other error of a Load may pass for "not found"
	}
	*into = hold(&rec)
	into.ID = id
	return err
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// unseal opens a token that carries its record. It turns ErrUnreadable into ErrCorrupt: anybody can write the number
// of a format, or the name of a key, into a cookie, and that is no outage.
func (m *Manager) unseal(ctx context.Context, token string, into *held, st *state) error {
	var rec driver.Record
	err := m.timed(ctx, EventLoad, ID{}, func(ctx context.Context) (r reply, err error) {
		rec, err = m.tokens.OpenToken(ctx, token, m.binding)
		return reply{size: len(rec.Data)}, err
	})
	*into = hold(&rec)
	if err == nil {
		err = m.open(into, st)
	}
	if errors.Is(err, ErrUnreadable) {
		err = driver.Corrupt(err.Error())
	}
	return err
}

// insert stores a new record and returns its token.
func (m *Manager) insert(ctx context.Context, rec *driver.Record, token string) (string, error) {
	err := m.timed(ctx, EventCreate, rec.ID, func(ctx context.Context) (reply, error) {
		if m.store != nil {
			return reply{size: len(rec.Data)}, m.store.Create(ctx, rec)
		}
		var err error
		token, err = m.tokens.SealToken(ctx, rec, m.binding, m.room())
		return reply{size: len(rec.Data)}, err
	})
	return token, err
}

// replace stores a new version of a live record and returns its token.
func (m *Manager) replace(ctx context.Context, rec *driver.Record, token string) (string, error) {
	err := m.timed(ctx, EventUpdate, rec.ID, func(ctx context.Context) (reply, error) {
		if m.store != nil {
			return reply{size: len(rec.Data)}, m.store.Update(ctx, rec)
		}
		var err error
		token, err = m.tokens.SealToken(ctx, rec, m.binding, m.room())
		return reply{size: len(rec.Data)}, err
	})
	if err == nil {
		m.watches.wrote(rec)
	}
	return token, err
}

// room is how long a token may be.
func (m *Manager) room() int { return maxCookie - len(m.cfg.Cookie.Name) }

// extend writes down that a live record was used at the time used, extends its deadline to expires, and returns its
// token.
func (m *Manager) extend(ctx context.Context, h *held, used, expires int64, token string) (string, error) {
	if m.tokens != nil {
		if m.expired(h) {
			return "", driver.ErrNotFound
		}
		h.Used, h.Expires = used, max(h.Expires, expires)
		rec := h.record()
		token, err := m.replace(ctx, &rec, token)
		h.Version, h.Epoch = rec.Version, rec.Epoch
		return token, err
	}
	err := m.timed(ctx, EventTouch, h.ID, func(ctx context.Context) (reply, error) {
		return reply{}, m.store.Touch(ctx, h.ID, h.Version, fromMicros(used), fromMicros(expires))
	})
	if err == nil {
		h.Used, h.Expires = used, max(h.Expires, expires)
	}
	return token, err
}

// succeed inserts next and replaces old, in one step of the store.
func (m *Manager) succeed(ctx context.Context, old, next *driver.Record) error {
	err := m.timed(ctx, EventCreate, next.ID, func(ctx context.Context) (reply, error) {
		return reply{size: len(next.Data)}, m.can.Successor.Succeed(ctx, old, next)
	})
	if err == nil {
		m.watches.wrote(old)
	}
	return err
}

// expired reports whether a token's own deadline has passed during the request: only core can refuse to seal it
// again. A store that keeps records checks the deadline itself, since another request may have moved it there.
func (m *Manager) expired(h *held) bool {
	return m.tokens != nil && m.now() >= h.Expires
}

// lives returns ErrNotFound if another request ended the session of h meanwhile.
func (m *Manager) lives(ctx context.Context, h held) error {
	_, err := m.look(ctx, h)
	return err
}

// alive is lives, and also returns ErrNotFound if another request gave the session another token.
func (m *Manager) alive(ctx context.Context, h held) error {
	now, err := m.look(ctx, h)
	if err == nil && m.tokens == nil && now.Data != nil && !sameToken(h.Data, now.Data) {
		err = driver.ErrNotFound
	}
	return err
}

// look returns what the store holds of a session now; of a token that carries its record, what its next token would
// have. ErrCorrupt: the record is damaged, so no request finds the session.
func (m *Manager) look(ctx context.Context, h held) (now held, err error) {
	if m.expired(&h) {
		return now, driver.ErrNotFound
	}
	if m.tokens != nil {
		// Sealing fails if the ID or the user was revoked. Nobody gets this token, so it may have any length.
		rec := h.record()
		err := m.timed(ctx, EventLoad, h.ID, func(ctx context.Context) (reply, error) {
			_, err := m.tokens.SealToken(ctx, &rec, m.binding, math.MaxInt)
			return reply{}, err
		})
		return hold(&rec), err
	}
	err = m.fetchPastCaches(ctx, h.ID, &now)
	if b, ok := blockOf(now.Data); err == nil && ok && b.kind() != kindSession {
		err = driver.ErrNotFound
	}
	return now, err
}

// sameToken reports whether two versions of a session's record accept the same token.
func sameToken(a, b []byte) bool {
	one, ok := blockOf(a)
	two, isBlock := blockOf(b)
	return ok && isBlock && two.kind() == kindSession && one.rotations() == two.rotations() && one.renewals() == two.renewals()
}

// remove deletes a record, or revokes its token until the time given. After that, no token of the session can be
// alive.
func (m *Manager) remove(ctx context.Context, id driver.ID, until time.Time) error {
	err := m.timed(ctx, EventDelete, id, func(ctx context.Context) (reply, error) {
		if m.store != nil {
			return reply{}, m.store.Delete(ctx, id)
		}
		return reply{}, m.tokens.RevokeID(ctx, id, until)
	})
	if err == nil || errors.Is(err, driver.ErrNotFound) {
		m.watches.gone(id)
	}
	return err
}

// encode returns a state as Record.Data before sealing, with room for a block that the caller writes.
func (m *Manager) encode(st *state) ([]byte, block, error) {
	prefix := blockSize
	if m.tokens != nil {
		prefix = 1
	}
	data, entries := st.encode(prefix)
	if entries > m.cfg.MaxSize {
		return nil, nil, fmt.Errorf("coatcheck: the session has %d bytes of values, Config.MaxSize is %d: %w", entries, m.cfg.MaxSize, ErrTooLarge)
	}
	data[atFormat] = envelopeFormat
	return data, block(data[:prefix:prefix]), nil
}

// seal returns the data of encode as a store gets it. Keys authenticate the block with the rest.
func (m *Manager) seal(id driver.ID, data []byte, b block) []byte {
	if m.cfg.Keys == nil {
		return data
	}
	sealed := make([]byte, len(b), len(data)+m.cfg.Keys.Overhead())
	copy(sealed, b)
	return m.cfg.Keys.Seal(sealed, data[len(b):], m.boundTo(id, b))
}

// open reads rec into st.
func (m *Manager) open(rec *held, st *state) error {
	prefix := blockSize
	if m.tokens != nil {
		prefix = 1
	}
	data := rec.Data
	switch {
	case len(data) < prefix || data[atFormat] == 0:
		return driver.Corrupt("coatcheck: the record has no format number")
	case data[atFormat] > envelopeFormat:
		return fmt.Errorf("coatcheck: %w (format %d, this release reads up to %d)", ErrUnreadable, data[atFormat], envelopeFormat)
	}
	rest := data[prefix:]
	if m.cfg.Keys != nil {
		var err error
		sealed := rest
		if rest, _, err = m.cfg.Keys.Open(sealed, m.boundTo(rec.ID, data[:prefix])); err != nil {
			return m.unopened(err, sealed)
		}
	}
	err := st.parse(rest, m.codec)
	if m.tokens == nil && m.cfg.Keys == nil && errors.Is(err, driver.ErrCorrupt) {
		// A plain envelope may look like this, too, with a codec's name in the place of the key's.
		if id, ok := keyring.SealedBy(rest); ok && m.codec([]byte(id)) == nil {
			return fmt.Errorf("coatcheck: %w: key %q sealed the record, and Config.Keys is not set", ErrUnreadable, id)
		}
	}
	if err == nil && st.subject != rec.Subject {
		err = driver.Corrupt("coatcheck: the record names another subject than its content")
	}
	return err
}

func (m *Manager) boundTo(id driver.ID, b block) []byte {
	ad := make([]byte, 0, len(m.binding)+len(id)+len(b))
	return append(append(append(ad, m.binding...), id[:]...), b...)
}

// reply is what an Event says of a call's answer.
type reply struct {
	size   int
	cached bool
}

// began makes time.Since a reading of the monotonic clock alone, which is half of time.Now.
var began = time.Now()

// timed makes one call to the store and reports it, with the reply of call. An error outside the contract counts as an
// outage: anything else could fail open.
func (m *Manager) timed(ctx context.Context, kind EventKind, id ID, call func(context.Context) (reply, error)) error {
	start := m.started()
	r, err := call(ctx)
	return m.answered(ctx, kind, id, start, r, err)
}

// started returns when a call begins, if somebody is told of it.
func (m *Manager) started() time.Duration {
	if m.cfg.Observer == nil {
		return 0
	}
	return time.Since(began)
}

// answered reports a call that began at start, and returns its error as the contract has it. It calls the Observer
// itself: each call between a request and an Observer's depths costs up to 40 ns, as returns from more than some 16 calls
// are not predicted.
func (m *Manager) answered(ctx context.Context, kind EventKind, id ID, start time.Duration, r reply, answer error) (err error) {
	err = m.known(answer)
	m.up(ctx, err)
	if m.cfg.Observer == nil || errors.Is(err, errors.ErrUnsupported) { // the store was not asked for what it does not do
		return err
	}
	e := Event{Kind: kind, ID: id, Size: r.size, Cached: r.cached, Duration: time.Since(began) - start}
	e.Outcome, e.Err = outcomeOf(err)
	defer m.observed(ctx, kind)
	m.cfg.Observer(withoutSession(ctx), e)
	return err
}

func (m *Manager) known(err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{
		driver.ErrNotFound, driver.ErrConflict, driver.ErrUnavailable, driver.ErrExists, driver.ErrTooLarge, driver.ErrCorrupt, driver.ErrUnreadable,
		driver.ErrIncomplete, driver.ErrLimit, errors.ErrUnsupported,
	} {
		if errors.Is(err, known) {
			return err
		}
	}
	return m.noAnswer(err)
}

// noAnswer makes every error an ErrUnavailable, and keeps nil.
func (m *Manager) noAnswer(err error) error {
	if err == nil || errors.Is(err, driver.ErrUnavailable) {
		return err
	}
	return driver.Unavailable(m.info.Name, err)
}
