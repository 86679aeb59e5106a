package core

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Reseal seals a session with the first of Config.Keys if another one has sealed it, and reports whether it did. Call it
// for all sessions (Manager.All) before you take an old key out: coatcheck keys reseal. It is no use of the session, and
// a request under way loses nothing.
//
// ErrEnded and ErrNotFound, ErrCorrupt and ErrUnreadable: as for Session. ErrConflict: requests have changed the session
// again and again meanwhile. errors.ErrUnsupported: Config.Keys is not set, or the store keeps no records: cookies are
// sealed anew when they are sent the next time.
func (m *Manager) Reseal(ctx context.Context, id ID) (bool, error) {
	if m.cfg.Keys == nil {
		return false, m.unsupported("seal sessions without Config.Keys")
	}
	for range 20 {
		done, err := m.reseal(ctx, id)
		if !errors.Is(err, driver.ErrConflict) {
			return done, err
		}
	}
	return false, fmt.Errorf("coatcheck: Reseal: the session was changed again and again meanwhile: %w", driver.ErrConflict)
}

// reseal keeps the block, and the write mark in it: a request whose answer was lost finds what it has written.
func (m *Manager) reseal(ctx context.Context, id ID) (bool, error) {
	h, _, err := m.find(ctx, "Reseal", id)
	if err != nil {
		return false, err
	}
	b := block(h.Data[:blockSize:blockSize])
	plain, old, err := m.cfg.Keys.Open(h.Data[blockSize:], m.boundTo(id, b))
	if err != nil || !old {
		return false, err
	}
	rec := h.record()
	rec.Data = m.seal(id, append(b, plain...), b)
	calls, cancel := m.storeContext(ctx)
	defer cancel()
	_, err = m.replace(calls, &rec, "")
	if errors.Is(err, driver.ErrNotFound) {
		err = errOver
	}
	m.noteDown(ctx, err)
	return err == nil, err
}
