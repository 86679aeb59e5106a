package embeddedstores

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// CheckLoop loops over a user's sessions and ends each of them. There are more sessions than a store reads at once, and
// the body takes longer than core.Config.StoreTimeout. store must be empty and have the ability driver.Indexer.
func CheckLoop(t *testing.T, store driver.Store) {
	const sessions, timeout = 150, 2 * time.Second
	m, err := core.New(core.Config{Store: store, StoreTimeout: timeout, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	// A store that holds a connection or a lock while the body runs hangs until this deadline.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range sessions {
		if err := signIn(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for s, err := range m.Sessions(ctx, "alice") {
		if err != nil {
			t.Fatalf("after %d sessions: %v", n, err)
		}
		if n++; n == 1 {
			time.Sleep(timeout + 100*time.Millisecond)
		}
		if err := m.Revoke(ctx, s.ID()); err != nil {
			t.Fatalf("Revoke of session %d: %v", n, err)
		}
	}
	if n != sessions {
		t.Errorf("%d sessions of %d", n, sessions)
	}
	for s, err := range m.Sessions(ctx, "alice") {
		t.Errorf("after the loop: %v, %v", s, err)
	}
}

func signIn(ctx context.Context, m *core.Manager) error {
	x := m.Adapter().Begin(ctx, nil)
	s, err := x.Session(ctx)
	if err == nil {
		err = s.Login("alice")
	}
	if err == nil {
		_, err = x.Commit(ctx, 200)
	}
	return errors.Join(err, x.Finish(ctx))
}
