package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// one damaged record keeps all sessions of a user alive.
func TestRevokeSubjectGoesPastADamagedRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	store, err := filestore.New(dir, filestore.Config{})
	must(t, err)
	m := newManager(t, core.Config{Store: store, SweepInterval: -1})
	phone, laptop := newBrowser(t, m), newBrowser(t, m)
	var id core.ID
	phone.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	laptop.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	file := filepath.Join(dir, id.String()[:2], id.String()[2:])
	data, err := os.ReadFile(file)
	must(t, err)
	data[len(data)-1] ^= 1
	must(t, os.WriteFile(file, data, 0o600))
	n, err := m.RevokeSubject(ctx, "alice")
	phone.visit(func(s *core.Session) {
		if s.Subject() != "" {
			t.Errorf("phone is still %q after RevokeSubject = %d, %v", s.Subject(), n, err)
		}
	})
}

// sessions this node cannot open are passed over, with success.
func TestRevokeSubjectOfANewerFormat(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	rec, err := store.Load(ctx, id)
	must(t, err)
	rec.Data = bytes.Clone(rec.Data)
	rec.Data[0] = 2 // what the next release, already running on another node, writes
	must(t, store.Update(ctx, &rec))
	n, err := m.RevokeSubject(ctx, "alice")
	if _, e := store.Load(ctx, id); e == nil {
		t.Errorf("RevokeSubject = %d, %v, and the session lives on", n, err)
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

func TestRevokeSubjectWithoutTheKey(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	r1, _ := keyring.New(k1)
	r2, _ := keyring.New(k2, k1)
	oldNode, newNode := newManager(t, core.Config{Store: store, Keys: r1}), newManager(t, core.Config{Store: store, Keys: r2})
	b := newBrowser(t, newNode)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	n, err := oldNode.RevokeSubject(ctx, "alice")
	b.visit(func(s *core.Session) {
		if s.Subject() != "" {
			t.Errorf("RevokeSubject = %d, %v, and the session lives on", n, err)
		}
	})
}

// walker is an index that is no snapshot: it lists, and then loads. Lister allows that.
type walker struct {
	*memstore.Store
	during func()
}

func (w *walker) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		var ids []driver.ID
		for rec, err := range w.Store.BySubject(ctx, subject) {
			if err != nil {
				yield(rec, err)
				return
			}
			ids = append(ids, rec.ID)
		}
		if f := w.during; f != nil {
			w.during = nil
			f()
		}
		for _, id := range ids {
			rec, err := w.Store.Load(ctx, id)
			if errors.Is(err, driver.ErrNotFound) || err == nil && rec.Subject != subject {
				continue
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

func TestRevokeSubjectMissesASignIn(t *testing.T) {
	w := &walker{Store: made.Of(memstore.New(memstore.Config{}))}
	m := newManager(t, core.Config{Store: w})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	w.during = func() {
		b.visit(func(s *core.Session) {
			if s.Subject() == "alice" { // a step-up without a password
				must(t, s.Login("alice"))
			}
		})
	}
	n, err := m.RevokeSubject(ctx, "alice")
	if s := b.send().s; s.Subject() == "alice" {
		t.Errorf("RevokeSubject = %d, %v, and the client is still alice", n, err)
	}
}

// The zero ID is no session, and excepts none.
func TestRevokeSubjectExceptZero(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	old := b.copyOf()
	r := b.send()
	must(t, r.s.Logout())
	n, err := m.RevokeSubject(r.x.Context(), "alice", r.s.ID())
	r.x.Discard()
	if s := old.send().s; s.Subject() != "" {
		t.Errorf("RevokeSubject = %d, %v, and the session lives", n, err)
	}
}

// A client that signs in again over its own session, without pause, must not outlive RevokeSubject.
func TestSignInLoopAgainstRevokeSubject(t *testing.T) {
	m := newManager(t, core.Config{})
	missed, rounds := 0, 300
	for i := range rounds {
		alice := fmt.Sprint("alice", i)
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, s.Login(alice)) })
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r := b.send()
				if r.s.Subject() != alice {
					r.x.Discard()
					return
				}
				_ = r.s.Login(alice)
				_, _ = r.respond(200)
			}
		})
		_, err := m.RevokeSubject(ctx, alice)
		close(stop)
		wg.Wait()
		if s := b.send().s; err == nil && s.Subject() == alice {
			missed++
		}
		_, _ = m.RevokeSubject(ctx, alice)
	}
	if missed > 0 {
		t.Errorf("missed %d of %d", missed, rounds)
	}
}

func TestRevokeOwn(t *testing.T) {
	m := newManager(t, core.Config{})
	alice, bob := newBrowser(t, m), newBrowser(t, m)
	var id core.ID
	alice.visit(func(s *core.Session) { must(t, s.Login("alice")); id = s.ID() })
	bob.visit(func(s *core.Session) { must(t, s.Login("bob")) })
	for _, mallory := range []string{"bob", "", "alic", "alice "} {
		if err := m.RevokeOwn(ctx, mallory, id); !errors.Is(err, core.ErrNotFound) {
			t.Errorf("%q ends another's session: %v", mallory, err)
		}
	}
	alive(t, alice, true)
	must(t, m.RevokeOwn(ctx, "alice", id))
	alive(t, alice, false)
	if err := m.RevokeOwn(ctx, "alice", id); !errors.Is(err, core.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}
