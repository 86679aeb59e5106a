package core

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Sessions goes through the live sessions of a user, in any order: the list of their
// devices. The sessions are views: they can be read, also with a Key, and not changed. An error
// ends the sequence; errors.ErrUnsupported means that the store has no index by user. The
// whole walk has Config.StoreTimeout.
func (m *Manager) Sessions(ctx context.Context, subject string) iter.Seq2[*Session, error] {
	if m.indexer == nil {
		return failed(m.unsupported("list the sessions of a user"))
	}
	if subject == "" {
		return func(func(*Session, error) bool) {}
	}
	return func(yield func(*Session, error) bool) {
		ctx, cancel := m.storeContext(ctx)
		defer cancel()
		m.views(ctx, m.indexer.BySubject(ctx, subject))(yield)
	}
}

// All goes through all live sessions like Sessions.
func (m *Manager) All(ctx context.Context) iter.Seq2[*Session, error] {
	if m.lister == nil {
		return failed(m.unsupported("list sessions"))
	}
	return m.views(ctx, m.lister.All(ctx))
}

func (m *Manager) unsupported(what string) error {
	return fmt.Errorf("coatcheck: %s cannot %s: %w", m.info.Name, what, errors.ErrUnsupported)
}

func failed(err error) iter.Seq2[*Session, error] {
	return func(yield func(*Session, error) bool) { yield(nil, err) }
}

// views opens records. One that cannot be read is reported and passed over, or else it would
// hide all others from whoever wants to revoke them.
func (m *Manager) views(ctx context.Context, records iter.Seq2[driver.Record, error]) iter.Seq2[*Session, error] {
	return func(yield func(*Session, error) bool) {
		for rec, err := range records {
			if err != nil {
				yield(nil, m.known(err))
				return
			}
			var st state
			if err := m.open(&rec, rec.ID, &st); err != nil {
				m.observe(ctx, Event{Kind: EventCorrupt, ID: rec.ID, Err: err})
				continue
			}
			if st.kind != kindSession || m.now() >= m.end(&st.header) {
				continue
			}
			if !yield(&Session{rec: rec, live: true, cur: st}, nil) {
				return
			}
		}
	}
}

// Revoke ends one session. That it is not there is no error. A request that uses it right now
// stores nothing more. errors.ErrUnsupported: the tokens cannot be revoked.
func (m *Manager) Revoke(ctx context.Context, id ID) error {
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	err := m.remove(ctx, id, fromMicros(m.now()).Add(m.cfg.Lifetime))
	if errors.Is(err, driver.ErrNotFound) {
		return nil // revoked before
	}
	if err == nil {
		m.observe(ctx, Event{Kind: EventDestroy, ID: id})
	}
	return err
}

// RevokeSubject ends all sessions of a user, but for those named, and returns how many
// it ended: "sign out everywhere else", a changed password, a closed account. With the context
// of the request, a session that the request gives a new ID counts as the one named. Records
// that this process cannot open are ended, too.
func (m *Manager) RevokeSubject(ctx context.Context, subject string, except ...ID) (int, error) {
	if m.indexer == nil {
		return 0, m.unsupported("list the sessions of a user")
	}
	if subject == "" {
		return 0, nil // the anonymous are nobody's
	}
	kept := map[ID]bool{}
	for _, id := range except {
		kept[id] = true
	}
	m.Exchange(ctx).keep(kept)
	total := 0
	// A session that gets a new ID during a pass is seen by the next one: its new record
	// is written before the old one goes.
	for range 10 {
		found, failed := m.recordsOf(ctx, subject, kept)
		for _, id := range found {
			if err := m.Revoke(ctx, id); err != nil {
				return total, errors.Join(err, failed)
			}
			total++
		}
		if failed != nil || len(found) == 0 {
			return total, failed
		}
	}
	return total, fmt.Errorf("coatcheck: RevokeSubject: this user signs in again and again meanwhile: %w", driver.ErrConflict)
}

// recordsOf returns what the store has of subject, also what only another node can open, and
// also if the walk ends in an error.
func (m *Manager) recordsOf(ctx context.Context, subject string, kept map[ID]bool) (found []ID, err error) {
	ctx, cancel := m.storeContext(ctx)
	defer cancel()
	for rec, err := range m.indexer.BySubject(ctx, subject) {
		if err != nil {
			return found, m.known(err)
		}
		if !kept[rec.ID] {
			found = append(found, rec.ID)
		}
	}
	return found, nil
}

// keep adds the stored ID of a session that RotateID or Login has given its next one.
func (x *Exchange) keep(kept map[ID]bool) {
	if x == nil || x.s.Load() == nil {
		return
	}
	s := x.s.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rotate && kept[s.next.id] {
		kept[s.rec.ID] = true
	}
}
