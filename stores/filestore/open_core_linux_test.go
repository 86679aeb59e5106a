package filestore_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// Given a FIFO, or a folder that is not empty, in the place of a user's record, when the user signs out or signs in
// again, then that works: the token is not valid any more, and the thing is no longer in the place of the record.
func TestSpecialRecordInCore(t *testing.T) {
	for name, special := range map[string]func(path string) error{
		"fifo": func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error {
			return os.MkdirAll(filepath.Join(path, "kept"), 0o700)
		},
	} {
		for _, end := range []string{"logout", "login"} {
			t.Run(name+" "+end, func(t *testing.T) {
				ctx := context.Background()
				must := func(err error) {
					t.Helper()
					if err != nil {
						t.Fatal(err)
					}
				}
				dir := filepath.Join(t.TempDir(), "sessions")
				store, err := filestore.New(dir, filestore.Config{})
				must(err)
				m, err := core.New(core.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
				must(err)
				defer m.Close()
				request := func(cookie string, do func(*core.Session) error) (answer string) {
					t.Helper()
					x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
					s, err := x.Session(ctx)
					must(err)
					must(do(s))
					out, err := x.Commit(ctx, 200)
					must(err)
					must(x.Finish(ctx))
					answer, _, _ = strings.Cut(out.Value, ";")
					return answer
				}
				login := func(s *core.Session) error { return s.Login("alice") }
				var id core.ID
				cookie := request("", func(s *core.Session) error {
					defer func() { id = s.ID() }()
					return login(s)
				})
				path := filepath.Join(dir, id.String()[:2], id.String()[2:])
				must(os.Remove(path))
				must(special(path))

				if end == "logout" {
					if answer := request(cookie, (*core.Session).Logout); answer != "__Host-session=" {
						t.Errorf("the answer to the logout sets %q", answer)
					}
				}
				again := request(cookie, login)
				if _, err := os.Lstat(path); err == nil {
					t.Error("it is still in the place of the record")
				}
				request(again, func(s *core.Session) error {
					if s.Subject() != "alice" {
						t.Errorf("signed in again, the user is %q", s.Subject())
					}
					return nil
				})
				n, err := m.RevokeSubject(ctx, "alice")
				if must(err); n != 1 {
					t.Errorf("%d sessions", n)
				}
			})
		}
	}
}

// Given a FIFO in the place of a record, then RevokeAll ends all other sessions and returns ErrCorrupt.
func TestRevokeAllWithASpecialRecord(t *testing.T) {
	ctx := context.Background()
	dir := filepath.Join(t.TempDir(), "sessions")
	store, err := filestore.New(dir, filestore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var ids []core.ID
	for range 5 {
		x := m.Adapter().Begin(ctx, nil)
		s, err := x.Session(ctx)
		if err == nil {
			err = s.Login("alice")
		}
		if err == nil {
			_, err = x.Commit(ctx, 200)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, s.ID())
	}
	path := filepath.Join(dir, ids[2].String()[:2], ids[2].String()[2:])
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if n, err := m.RevokeAll(ctx, time.Now().Add(time.Second)); n != 4 || !errors.Is(err, core.ErrCorrupt) {
		t.Errorf("RevokeAll = %d, %v", n, err)
	}
	n := 0
	for _, err := range m.Sessions(ctx, "alice") {
		if err == nil {
			n++
		}
	}
	if n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}
