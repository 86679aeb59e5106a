package cookiestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Revocation says how a session ends before its deadline. There is no default.
type Revocation struct {
	store        driver.Store
	none, chosen bool
}

// RevokeIn keeps the IDs of ended sessions in store until their deadlines, and asks
// it whenever a session is opened or written again. While it does not answer,
// sessions are ErrUnavailable: nobody is let in on the strength of an outage.
//
// Any server-side store will do, also one that keeps sessions. It needs room for the
// sessions that end, not for those that live. Sweep, Ping and Close of the cookie store
// reach it. If it serves others, too, close both at the end of the process only.
func RevokeIn(store driver.Store) Revocation { return Revocation{store: store, chosen: true} }

// NoRevocation lets a session live until its deadline whatever happens. Logout only
// removes the cookie from the browser that asked for it: a copy, taken by malware, from
// a backup or a shared computer, is a logged-in session all the same, as
// is every earlier cookie of the same session. Choose it with a short
// IdleTimeout and Lifetime, for sessions that are worth nothing to a thief.
func NoRevocation() Revocation { return Revocation{none: true, chosen: true} }

var (
	errRevoked      = fmt.Errorf("cookiestore: %w: it was revoked", driver.ErrNotFound)
	errNoRevocation = fmt.Errorf("cookiestore: NoRevocation was chosen, so the session lives until its deadline: %w", errors.ErrUnsupported)
)

// RevokeID ends the session with this ID. The error matches errors.ErrUnsupported
// with NoRevocation, where nothing was done.
func (s *Store) RevokeID(ctx context.Context, id driver.ID, until time.Time) error {
	if s.revoked == nil {
		return errNoRevocation
	}
	now := s.now()
	if !now.Before(until) {
		return nil
	}
	entry := driver.Record{ID: entryID(id), Created: now, Used: now, Expires: until}
	// A session may be revoked twice, with deadlines in any order, and its entry may
	// expire between two calls here.
	for range 2 {
		err := s.revoked.Create(ctx, &entry)
		if errors.Is(err, driver.ErrExists) {
			var old driver.Record
			if old, err = s.reload(ctx, entry.ID); err == nil {
				err = s.revoked.Touch(ctx, entry.ID, old.Version, now, until)
			}
			if err == nil {
				return errRevoked
			}
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, driver.ErrNotFound) {
			return unavailable("revoke", err)
		}
	}
	return fmt.Errorf("cookiestore: revoke: %w: the entry comes and goes", driver.ErrUnavailable)
}

// reload reads an entry past caches and replicas, which may not have heard of it.
func (s *Store) reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	if r := s.abilities.Reloader; r != nil {
		return r.Reload(ctx, id)
	}
	return s.revoked.Load(ctx, id)
}

// checkNotRevoked returns nil only when the store has said that id was not revoked.
func (s *Store) checkNotRevoked(ctx context.Context, id driver.ID) error {
	if s.revoked == nil {
		return nil
	}
	entry, err := s.revoked.Load(ctx, entryID(id))
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return nil
	case errors.Is(err, driver.ErrCorrupt), errors.Is(err, driver.ErrUnreadable):
		return errRevoked // only a revocation can have left something under this ID
	case err != nil:
		return unavailable("look for a revocation", err)
	case entry.ID != entryID(id):
		return fmt.Errorf("cookiestore: look for a revocation: %w: the store answered for another ID", driver.ErrUnavailable)
	}
	return errRevoked
}

// entryID sets the IDs of ended sessions apart from those of sessions in the same store: the
// last 16 bytes of a hash are the namespace of no application. Its first 16 are as
// good as random, so that stores that place records by them spread the entries.
func entryID(id driver.ID) driver.ID {
	return sha256.Sum256(append([]byte("coatcheck/revoked/v1\x00"), id[:]...))
}

func unavailable(what string, err error) error {
	if errors.Is(err, driver.ErrUnavailable) {
		return fmt.Errorf("cookiestore: %s: %w", what, err)
	}
	return driver.Unavailable("cookiestore: "+what, err)
}

// Sweep removes the entries of sessions whose deadline has passed, if the store of revoked
// sessions does not do that by itself.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	if sweeper := s.abilities.Sweeper; sweeper != nil {
		return sweeper.Sweep(ctx, limit)
	}
	return 0, nil
}

// Ping tells whether the store of revoked sessions answers.
func (s *Store) Ping(ctx context.Context) error {
	if pinger := s.abilities.Pinger; pinger != nil {
		return pinger.Ping(ctx)
	}
	return s.checkNotRevoked(ctx, driver.ID{})
}
