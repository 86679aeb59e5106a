package filestore_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// Sessions survive a restart.
func ExampleNew() {
	dir, err := os.MkdirTemp("", "example") // yours: a folder that stays, such as /var/lib/shop
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	cookie := ""
	for range 2 { // the process is started twice
		store, err := filestore.New(filepath.Join(dir, "sessions"), filestore.Config{})
		if err != nil {
			fmt.Println(err)
			return
		}
		m, err := core.New(core.Config{Store: store})
		if err != nil {
			fmt.Println(err)
			return
		}
		cookie, err = request(m, cookie, func(s *core.Session) {
			fmt.Printf("user %q\n", s.Subject())
			_ = s.Login("alice")
		})
		fmt.Println(err, m.Close()) // closes the store, too
	}
	// Output:
	// user ""
	// <nil> <nil>
	// user "alice"
	// <nil> <nil>
}

// Writes need not wait for the disk, where a power failure may cost the last sessions. What was ended stays ended.
func ExampleSync() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	policy := map[string]filestore.Sync{ // the deployment chooses
		"all":  filestore.SyncAll, // the default: nothing that was acknowledged is lost
		"ends": filestore.SyncEnds,
	}
	store, err := filestore.New(filepath.Join(dir, "sessions"), filestore.Config{
		Sync:   policy[os.Getenv("SESSION_SYNC")],
		Logger: slog.New(slog.NewJSONHandler(os.Stderr, nil)), // tells of sessions that a power failure has damaged
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.Info().Name, m.Ping(context.Background()))
	// Output: filestore <nil>
}

// request does what an adapter does for a request, and returns the browser's cookie afterwards.
func request(m *core.Manager, cookie string, handler func(*core.Session)) (string, error) {
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
	s, err := x.Session(ctx)
	if err != nil {
		return cookie, err
	}
	handler(s)
	out, err := x.Commit(ctx, http.StatusOK)
	if err != nil {
		return cookie, err
	}
	if out.Name != "" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie, x.Finish(ctx)
}
