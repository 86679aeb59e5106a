package core

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// This file is the only one that calls the store for requests. Here, and nowhere else, a
// store that keeps records and one whose tokens carry them differ.

// fetch loads the record under id and opens it. It may be the marker of a rotation.
func (m *Manager) fetch(ctx context.Context, id driver.ID, rec *driver.Record, st *state) error {
	err := m.timed(ctx, EventLoad, id, func(ctx context.Context) (size int, err error) {
		*rec, err = m.store.Load(ctx, id)
		return len(rec.Data), err
	})
	if err == nil {
		err = m.open(rec, id, st)
	}
	rec.ID = id
	return err
}

// unseal opens a token that carries its record.
func (m *Manager) unseal(ctx context.Context, token string, rec *driver.Record, st *state) error {
	err := m.timed(ctx, EventLoad, ID{}, func(ctx context.Context) (size int, err error) {
		*rec, err = m.tokens.Open(ctx, token, m.binding)
		return len(rec.Data), err
	})
	if err == nil {
		err = m.open(rec, rec.ID, st)
	}
	return err
}

// insert stores a new record and returns the token for it.
func (m *Manager) insert(ctx context.Context, rec *driver.Record, token string) (string, error) {
	err := m.timed(ctx, EventCreate, rec.ID, func(ctx context.Context) (int, error) {
		if m.store != nil {
			return len(rec.Data), m.store.Create(ctx, rec)
		}
		var err error
		token, err = m.tokens.Seal(ctx, rec, m.binding, m.room())
		return len(rec.Data), err
	})
	return token, err
}

// replace stores a new version of a live record and returns the token for it.
func (m *Manager) replace(ctx context.Context, rec *driver.Record, token string) (string, error) {
	err := m.timed(ctx, EventUpdate, rec.ID, func(ctx context.Context) (int, error) {
		if m.store != nil {
			return len(rec.Data), m.store.Update(ctx, rec)
		}
		var err error
		token, err = m.tokens.Seal(ctx, rec, m.binding, m.room())
		return len(rec.Data), err
	})
	return token, err
}

// room is how long a token may be.
func (m *Manager) room() int { return maxCookie - len(m.cfg.Cookie.Name) }

// extend moves the deadline of a live record and returns the token for it.
func (m *Manager) extend(ctx context.Context, rec *driver.Record, expires time.Time, token string) (string, error) {
	if m.tokens != nil {
		if m.expired(rec) {
			return "", driver.ErrNotFound
		}
		rec.Expires = expires
		return m.replace(ctx, rec, token)
	}
	err := m.timed(ctx, EventTouch, rec.ID, func(ctx context.Context) (int, error) {
		return 0, m.store.Touch(ctx, rec.ID, rec.Version, expires)
	})
	if err == nil {
		rec.Expires = expires
	}
	return token, err
}

// swap replaces the live record old and inserts next, or writes next anew after a conflict.
func (m *Manager) swap(ctx context.Context, old, next *driver.Record) error {
	if m.rotator != nil {
		return m.timed(ctx, EventUpdate, next.ID, func(ctx context.Context) (int, error) {
			return len(next.Data), m.rotator.Rotate(ctx, old, next)
		})
	}
	write := m.insert
	if next.Version > 0 {
		write = m.replace
	}
	if _, err := write(ctx, next, ""); err != nil {
		return err
	}
	_, err := m.replace(ctx, old, "")
	return err
}

// expired reports that a token's own deadline has passed during the request: nobody but core
// can refuse to seal it again. A store that keeps records looks at them itself, where another request
// may have moved the deadline.
func (m *Manager) expired(rec *driver.Record) bool {
	return m.tokens != nil && !rec.Live(m.cfg.Now())
}

// alive returns ErrNotFound if another request rotated or ended the session of rec meanwhile.
func (m *Manager) alive(ctx context.Context, rec driver.Record) error {
	if m.expired(&rec) {
		return driver.ErrNotFound
	}
	if m.tokens != nil {
		// Fails where the ID was revoked. Nobody gets the token, so it may have any length.
		_, err := m.tokens.Seal(ctx, &rec, m.binding, math.MaxInt)
		return m.known(err)
	}
	var st state
	err := m.fetch(ctx, rec.ID, &rec, &st)
	if err == nil && st.kind == kindMarker {
		err = driver.ErrNotFound
	}
	if errors.Is(err, driver.ErrCorrupt) {
		err = nil
	}
	return err
}

// remove deletes a record, or revokes its token until the time given, when no token of
// the session can live any more.
func (m *Manager) remove(ctx context.Context, id driver.ID, until time.Time) error {
	return m.timed(ctx, EventDelete, id, func(ctx context.Context) (int, error) {
		if m.store != nil {
			return 0, m.store.Delete(ctx, id)
		}
		return 0, m.tokens.Revoke(ctx, id, until)
	})
}
