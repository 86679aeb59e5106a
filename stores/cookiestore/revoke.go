package cookiestore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Revocation says how a session ends before its deadline. RevokeIn and NoRevocation make one. There is no default.
type Revocation struct {
	store        driver.Store
	none, chosen bool
}

// RevokeIn keeps the IDs of ended sessions in store until their deadlines, and the epochs of users whom RevokeSubject
// has signed out. Each time a session is opened or written again, the cookie store loads one record from that store,
// and a second one if the session is a user's. Either is mostly absent. While the store does not answer, sessions are
// ErrUnavailable: an outage lets nobody in, and nobody signs in.
//
// Any server-side store is suitable, also one that keeps other sessions. It needs room for the sessions that have
// ended, and not for those that live. An epoch takes about 40 bytes, and 33 or more for each session that was excepted,
// until core's Lifetime has passed. Use a store that does not evict. Sweep, Ping and Close of the cookie store call it. If other parts of the
// application use the store, too, close the cookie store only at the end of the process.
func RevokeIn(store driver.Store) Revocation { return Revocation{store: store, chosen: true} }

// NoRevocation means that every session lives until its deadline. Logout only removes the cookie from the browser that
// asked for it. A copy of the cookie, taken by malware, from a backup or a shared computer, is still a logged-in
// session. So is every earlier cookie of the same session. A changed password signs nobody out. Choose it for sessions that are worth nothing to a thief,
// with a short IdleTimeout and Lifetime.
func NoRevocation() Revocation { return Revocation{none: true, chosen: true} }

var (
	errRevoked      = fmt.Errorf("cookiestore: %w: it was revoked", driver.ErrNotFound)
	errNoRevocation = fmt.Errorf("cookiestore: NoRevocation was chosen, so the session lives until its deadline: %w", errors.ErrUnsupported)
)

// RevokeID implements driver.TokenStore: it ends the session with this ID. With NoRevocation it does nothing and
// returns an error that matches errors.ErrUnsupported.
func (s *Store) RevokeID(ctx context.Context, id driver.ID, until time.Time) error {
	if s.revoked == nil {
		return errNoRevocation
	}
	now := s.now()
	if !now.Before(until) {
		return nil
	}
	entry := driver.Record{ID: entryID(id), Created: now, Used: now, Expires: until}
	// A session may be revoked twice, with deadlines in any order. Its entry may expire between Create and Touch, so
	// there is a second attempt.
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
	return fmt.Errorf("cookiestore: revoke: %w: the entry existed and was gone a moment later, twice", driver.ErrUnavailable)
}

// reload reads an entry past caches and replicas, which may not have it yet.
func (s *Store) reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	if r := s.abilities.Reloader; r != nil {
		return r.Reload(ctx, id)
	}
	return s.revoked.Load(ctx, id)
}

// checkNotRevoked returns nil only if the store has answered that id was not revoked.
func (s *Store) checkNotRevoked(ctx context.Context, id driver.ID) error {
	if s.revoked == nil {
		return nil
	}
	entry, err := s.revoked.Load(ctx, entryID(id))
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return nil
	case errors.Is(err, driver.ErrCorrupt), errors.Is(err, driver.ErrUnreadable):
		return errRevoked // only a revocation writes something under this ID
	case err != nil:
		return unavailable("look for a revocation", err)
	case entry.ID != entryID(id):
		return fmt.Errorf("cookiestore: look for a revocation: %w: the store answered for another ID", driver.ErrUnavailable)
	}
	return errRevoked
}

// entryID returns the ID under which the store of revoked sessions keeps the entry for id. It is a hash, so it is not
// the ID of a session in the same store: no application has the last 16 bytes of a hash as its namespace. The first 16
// bytes are as good as random, so a store that places records by them spreads the entries.
func entryID(id driver.ID) driver.ID {
	return sha256.Sum256(append([]byte("coatcheck/revoked/v1\x00"), id[:]...))
}

func unavailable(what string, err error) error {
	if errors.Is(err, driver.ErrUnavailable) {
		return fmt.Errorf("cookiestore: %s: %w", what, err)
	}
	return driver.Unavailable("cookiestore: "+what, err)
}

// Sweep implements driver.Sweeper. It sweeps the store of revoked sessions, if that needs it.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	if sweeper := s.abilities.Sweeper; sweeper != nil {
		return sweeper.Sweep(ctx, limit)
	}
	return 0, nil
}

// Breakers implements driver.Breaker with the parts of the store of revoked sessions.
func (s *Store) Breakers() map[string]bool {
	if breaker := s.abilities.Breaker; breaker != nil {
		return breaker.Breakers()
	}
	return nil
}

// Inspect implements driver.Inspector with the findings about the store of revoked sessions. With NoRevocation there are
// none.
func (s *Store) Inspect(ctx context.Context) ([]driver.Finding, error) {
	if inspector := s.abilities.Inspector; inspector != nil {
		return inspector.Inspect(ctx)
	}
	return nil, nil
}

// Ping implements driver.Pinger. It asks the store of revoked sessions.
func (s *Store) Ping(ctx context.Context) error {
	if pinger := s.abilities.Pinger; pinger != nil {
		return pinger.Ping(ctx)
	}
	return s.checkNotRevoked(ctx, driver.ID{})
}
