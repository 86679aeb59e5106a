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

// CheckLoop goes through a user's sessions with a loop that is slow and ends each of them: more sessions than a
// store reads at once, and a body that takes longer than the store may. store must be empty, and be listed by user.
func CheckLoop(t *testing.T, store driver.Store) {
	const sessions, timeout = 150, 2 * time.Second
	m, err := core.New(core.Config{Store: store, StoreTimeout: timeout, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	// Whoever holds a connection or a lock while the body runs hangs until here.
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
