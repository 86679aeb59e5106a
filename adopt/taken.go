package adopt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// taken keeps in a store which sessions were taken over.
type taken struct {
	store driver.Store
	load  func(context.Context, driver.ID) (driver.Record, error)
	now   func() time.Time
}

func newTaken(store driver.Store, now func() time.Time) *taken {
	t := &taken{store: store, load: store.Load, now: now}
	if r := driver.AbilitiesOf(store).Reloader; r != nil {
		t.load = r.Reload // a cache may not have it yet
	}
	return t
}

// lateFor is how long after a takeover a request with the old cookie is known to be late, as after a Login of ours: it
// began before the browser had our cookie.
const lateFor = 30 * time.Second

// errLate is for a session that was taken over a moment ago.
var errLate = fmt.Errorf("another request has just taken the session over: %w", core.ErrEnded)

// has reports whether the session was taken over before. If that was a moment ago, it returns errLate, too.
func (t *taken) has(ctx context.Context, id driver.ID) (bool, error) {
	rec, err := t.load(ctx, id)
	switch {
	case errors.Is(err, driver.ErrNotFound):
		return false, nil
	case errors.Is(err, driver.ErrCorrupt), errors.Is(err, driver.ErrUnreadable):
		return true, nil // nothing else writes under this ID
	case err != nil:
		return false, unavailable("TakenIn", err)
	case rec.ID != id:
		return false, unavailable("TakenIn", errors.New("the store answered for another ID"))
	case t.now().Before(rec.Created.Add(lateFor)):
		return true, errLate
	}
	return true, nil
}

// add remembers a session until its deadline. If another request was faster, or if the deadline came meanwhile, so that
// nobody can say who was, it returns core.ErrEnded.
func (t *taken) add(ctx context.Context, id driver.ID, until time.Time) error {
	now := t.now()
	if !now.Before(until) {
		return core.ErrEnded
	}
	err := t.store.Create(ctx, &driver.Record{ID: id, Created: now, Used: now, Expires: until})
	switch {
	case errors.Is(err, driver.ErrExists):
		return core.ErrEnded
	case err != nil:
		return unavailable("TakenIn", err)
	}
	return nil
}

// idOf returns the ID under which TakenIn keeps a session. It is a hash, so it is not the ID of a session in the same
// store: no application has the last 16 bytes of a hash as its namespace. It reveals nothing of the old cookie.
func idOf(kind, name, secret string) driver.ID {
	return sha256.Sum256([]byte("coatcheck/taken/v1\x00" + kind + "\x00" + name + "\x00" + secret))
}

func unavailable(what string, err error) error {
	if errors.Is(err, driver.ErrUnavailable) {
		return err
	}
	return driver.Unavailable("adopt: "+what, err)
}
