package core

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// What a user may ask for under data protection law: a copy of their data (GDPR, Article 15), and its erasure
// (Article 17).

// Export is what a session holds of its user, as JSON for a person to read.
type Export struct {
	ID       ID        `json:"id"`
	Subject  string    `json:"subject"`
	Created  time.Time `json:"created"`
	AuthTime time.Time `json:"auth_time,omitzero"`
	LastUsed time.Time `json:"last_used,omitzero"`
	Expires  time.Time `json:"expires"`
	Device   Device    `json:"device,omitzero"`

	// Values are the encoded values by their keys. A value of a Codec other than JSON is its bytes in base64.
	Values map[string]json.RawMessage `json:"values,omitempty"`

	Messages []Flash `json:"messages,omitempty"` // that were not shown yet
}

// Export returns all that the session holds.
func (s *Session) Export() Export {
	e := Export{
		ID: s.ID(), Subject: s.Subject(), Created: s.Created(), AuthTime: s.AuthTime(), LastUsed: s.LastUsed(), Expires: s.ExpiresAt(), Device: s.Device(),
	}
	s.mu.Lock()
	plain := s.cur.codec == JSON{}
	s.mu.Unlock()
	for name, value := range s.Values() {
		if e.Values == nil {
			e.Values = map[string]json.RawMessage{}
		}
		if !plain {
			value, _ = json.Marshal(value) // bytes become base64
		}
		e.Values[name] = value
	}
	e.Messages, _ = s.PeekFlashes() // its error is that of a session without messages
	return e
}

// ExportSubject returns all that the live sessions of a user hold, in any order. Its errors are those of Sessions. With
// an error the copy is not whole. What other stores, backups and logs hold is not in it.
func (m *Manager) ExportSubject(ctx context.Context, subject string) ([]Export, error) {
	var all []Export
	for s, err := range m.Sessions(ctx, subject) {
		if err != nil {
			return all, err
		}
		all = append(all, s.Export())
	}
	return all, nil
}

// EraseSubject ends all sessions of a user, as RevokeSubject does, and removes what still names the user: a session that
// a Login has just replaced keeps the user's name for 30 seconds. It returns how many sessions it ended. Its errors are
// those of RevokeSubject; with an error something may be left. Backups and logs are not reached, and neither is what a
// database keeps of deleted rows, or a list in Redis or memcached, which has a hash of the name.
func (m *Manager) EraseSubject(ctx context.Context, subject string) (int, error) {
	n, err := m.RevokeSubject(ctx, subject)
	if errors.Is(err, driver.ErrUnavailable) || subject == "" || m.can.Indexer == nil {
		return n, err
	}
	replaced := map[ID]bool{}
	_, failed := m.recordsOf(ctx, subject, nil, replaced)
	calls, cancel := m.storeContext(ctx)
	defer cancel()
	for id := range replaced {
		if err := m.remove(calls, id, time.Time{}); err != nil {
			failed = err
			break
		}
	}
	m.noteDown(ctx, failed)
	if err == nil || errors.Is(failed, driver.ErrUnavailable) {
		err = failed
	}
	return n, err
}
