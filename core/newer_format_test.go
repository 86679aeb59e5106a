package core_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
)

// recordOf is the file of a session in a filestore.
func recordOf(dir string, id core.ID) string {
	text := id.String()
	return filepath.Join(dir, text[:2], text[2:])
}

// setFormat writes the format's number into a record of a filestore, as another release would.
func setFormat(t *testing.T, file string, number byte) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte{0, number}, 6)
	must(t, err)
	must(t, f.Close())
}

// Given a session that the store of a newer release has rewritten, when this release gets its cookie, then the
// request is a 503, record and cookie stay, and only a Login or a Logout ends the session.
func TestRecordOfANewerStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	store, err := filestore.New(dir, filestore.Config{})
	must(t, err)
	defer store.Close()
	events := map[core.EventKind]int{}
	m := newManager(t, core.Config{Store: store, Observer: countEvents(events)})
	for how, do := range map[string]func(*core.Session) error{
		"read":   func(s *core.Session) error { read(s); return nil },
		"set":    func(s *core.Session) error { return count.Set(s, 2) },
		"rotate": (*core.Session).RotateID,
		"login":  func(s *core.Session) error { return s.Login("bob") },
		"logout": (*core.Session).Logout,
	} {
		t.Run(how, func(t *testing.T) {
			b := newBrowser(t, m)
			var id core.ID
			b.visit(func(s *core.Session) { must(t, s.Login("alice")); must(t, count.Set(s, 1)); id = s.ID() })
			file := recordOf(dir, id)
			setFormat(t, file, 2)
			before, err := os.ReadFile(file)
			must(t, err)

			x := m.Begin(ctx, b.header())
			s, err := x.Session(ctx)
			if !errors.Is(err, core.ErrUnreadable) || core.HTTPStatus(err) != 503 {
				t.Fatalf("Session: %v", err)
			}
			ends := how == "login" || how == "logout"
			if err := do(s); (err == nil) != (ends || how == "read") {
				t.Errorf("%s: %v", how, err)
			}
			out, err := (&request{b, x, s}).respond(200)
			if (err == nil) != (ends || how == "read") || (out.Name != "") != ends {
				t.Errorf("Commit: %+v, %v", out, err)
			}
			after, err := os.ReadFile(file)
			if ends {
				if !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the record is still there: %v", err)
				}
				if _, live := b.value(count); live != (how == "login") {
					t.Errorf("afterwards: live is %t", live)
				}
				return
			}
			if string(after) != string(before) {
				t.Error("the record was changed")
			}
			setFormat(t, file, 1)
			alive(t, b, true)
		})
	}
	if events[core.EventUnreadable] != 5 {
		t.Errorf("%d events for 5 requests", events[core.EventUnreadable])
	}
	if events[core.EventCorrupt] > 0 {
		t.Errorf("%d events say that a record is corrupt", events[core.EventCorrupt])
	}
}

// RevokeSubject ends what can be read, and does not claim that it was all.
func TestRevokeSubjectBesideANewerRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sessions")
	store, err := filestore.New(dir, filestore.Config{})
	must(t, err)
	defer store.Close()
	m := newManager(t, core.Config{Store: store})
	var ids []core.ID
	for range 3 {
		newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")); ids = append(ids, s.ID()) })
	}
	setFormat(t, recordOf(dir, ids[1]), 2)
	n, err := m.RevokeSubject(ctx, "alice")
	if n != 2 || !errors.Is(err, core.ErrUnreadable) || core.HTTPStatus(err) != 503 {
		t.Errorf("%d sessions, %v", n, err)
	}
	must(t, m.Revoke(ctx, ids[1])) // by its ID it goes
	if _, err := store.Load(ctx, ids[1]); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("after Revoke: %v", err)
	}
	if n, err := m.RevokeSubject(ctx, "alice"); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}
