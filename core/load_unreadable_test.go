package core_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func TestUnreadableRecordIsAnonymousAndKept(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: store})
	damage := func(data []byte) *browser {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		r := b.send()
		rec, err := store.Load(ctx, r.s.ID())
		must(t, err)
		rec.Data = data
		must(t, store.Update(ctx, &rec))
		return b
	}
	for _, data := range [][]byte{nil, {0}, []byte("\x01 nonsense"), {200, 1, 2, 3}, make([]byte, 500)} {
		b := damage(data)
		alive(t, b, false)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
		if n, _ := b.value(count); n != 2 {
			t.Error("no new session after an unreadable one")
		}
	}
	// What a newer release wrote is an outage, not a loss, for who has the token.
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	r := b.send()
	rec, err := store.Load(ctx, r.s.ID())
	must(t, err)
	rec.Data = bytes.Clone(rec.Data)
	rec.Data[0] = 200
	must(t, store.Update(ctx, &rec))
	if _, err := m.Adapter().Begin(ctx, b.header()).Session(ctx); !errors.Is(err, core.ErrUnreadable) || core.HTTPStatus(err) != 503 {
		t.Errorf("newer format: %v", err)
	}
}

func TestUnreadableAndKept(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	writer := newManager(t, core.Config{Store: store, Keys: ring(t, k2, k1)})
	reader := newManager(t, core.Config{Store: store, Keys: ring(t, k1)})
	for _, how := range []string{"read", "set", "login", "logout"} {
		b := newBrowser(t, writer)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		old := b.copyOf()
		b.m = reader
		x := reader.Adapter().Begin(ctx, b.header())
		s, err := x.Session(ctx)
		if !errors.Is(err, core.ErrUnreadable) || core.HTTPStatus(err) != 503 || !strings.Contains(err.Error(), `key "k2"`) {
			t.Fatalf("%s: %v", how, err)
		}
		switch how {
		case "set":
			if err := count.Set(s, 2); !errors.Is(err, core.ErrUnreadable) {
				t.Errorf("Set: %v", err)
			}
		case "login":
			must(t, s.Login("alice"))
		case "logout":
			must(t, s.Logout())
		}
		out, err := x.Commit(ctx, http.StatusOK)
		if (err == nil) != (how != "set") || (out.Name != "") != (how == "login" || how == "logout") {
			t.Errorf("%s: %+v, %v", how, out, err)
		}
		alive(t, old, how == "read" || how == "set")
	}
	// With a wrong token it is nobody's, in whatever format.
	b := newBrowser(t, writer)
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	b.cookie = b.cookie[:len(b.cookie)-10] + "AAAAAAAAAA"
	b.m = reader
	alive(t, b, false)
}

func TestCorruptRecordsAreKeptAndQuiet(t *testing.T) {
	store := made.Of(memstore.New(memstore.Config{}))
	var log bytes.Buffer
	m := newManager(t, core.Config{Store: store, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); id = s.ID() })
	rec, err := store.Load(ctx, id)
	must(t, err)
	good := rec.Data
	rec.Data = append(bytes.Clone(good), 0)
	must(t, store.Update(ctx, &rec))
	for range 100 {
		b.copyOf().visit(read)
	}
	if n := strings.Count(log.String(), "WARN"); n != 1 {
		t.Errorf("%d warnings", n)
	}
	b.copyOf().visit(func(s *core.Session) { must(t, count.Set(s, 2)) })
	rec.Data = good
	must(t, store.Update(ctx, &rec)) // somebody mends it
	alive(t, b, true)

	rec.Data = append(bytes.Clone(good), 0)
	must(t, store.Update(ctx, &rec))
	old := b.copyOf()
	b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
	rec.Data = good
	if err := store.Update(ctx, &rec); !errors.Is(err, driver.ErrConflict) {
		t.Errorf("the record that a Login replaced: %v", err)
	}
	alive(t, old, false)
	alive(t, b, true)
}

// An unreadable record beside a good one: what Login begins is one of two for the next request.
func TestLoginBesideAnUnreadableRecord(t *testing.T) {
	for _, first := range []bool{true, false} {
		store := made.Of(memstore.New(memstore.Config{}))
		m := newManager(t, core.Config{Store: store})
		b, bad := newBrowser(t, m), newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		var id core.ID
		bad.visit(func(s *core.Session) { must(t, count.Set(s, 7)); id = s.ID() })
		rec, err := store.Load(ctx, id)
		must(t, err)
		rec.Data = bytes.Clone(rec.Data)
		rec.Data[0] = 200
		must(t, store.Update(ctx, &rec))
		line := bad.cookie + "; " + b.cookie
		if !first {
			line = b.cookie + "; " + bad.cookie
		}
		x := m.Adapter().Begin(ctx, http.Header{"Cookie": {line}})
		s, _ := x.Session(ctx)
		must(t, s.Login("alice"))
		out, err := x.Commit(ctx, 200)
		must(t, err)
		fresh, _, _ := bytes.Cut([]byte(out.Value), []byte(";"))
		next := newBrowser(t, m)
		next.cookie = string(fresh) + "; " + line
		if s := next.send().s; s.Subject() != "alice" {
			t.Errorf("unreadable first %v: signed in with 200, and the next request is %q", first, s.Subject())
		}
	}
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

			x := m.Adapter().Begin(ctx, b.header())
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

// newerTokens finds every token to be of a newer format.
type newerTokens struct{ driver.TokenStore }

func (s newerTokens) OpenToken(ctx context.Context, token string, binding []byte) (driver.Record, error) {
	rec, err := s.TokenStore.OpenToken(ctx, token, binding)
	if err == nil {
		rec, err = driver.Record{ID: rec.ID}, driver.Unreadable("test")
	}
	return rec, err
}

// Given a token that a newer release has made, or one with another codec, when this one gets it, then the request is
// anonymous; a page keeps the cookie, a write replaces it, and Login and Logout also end the session.
func TestTokenOfANewerRelease(t *testing.T) {
	for mode, revocation := range map[string]cookiestore.Revocation{
		"none": cookiestore.NoRevocation(), "revoking": cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))),
	} {
		for how, do := range map[string]func(*core.Session) error{
			"read":   func(s *core.Session) error { read(s); return nil },
			"set":    func(s *core.Session) error { return count.Set(s, 2) },
			"rotate": (*core.Session).RotateID,
			"login":  func(s *core.Session) error { return s.Login("bob") },
			"logout": (*core.Session).Logout,
		} {
			test := func(t *testing.T, reader func(driver.TokenStore) driver.Backend) {
				store, err := cookiestore.New(ring(t, keyring.Generate("k1")), revocation, cookiestore.Config{})
				must(t, err)
				b := newBrowser(t, newManager(t, core.Config{Store: store, Codec: renamed{core.JSON{}}}))
				b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
				old := b.copyOf()
				b.m = newManager(t, core.Config{Store: reader(store)})
				r := b.send()
				if !r.s.IsNew() || r.s.Subject() != "" {
					t.Errorf("not anonymous: %q", r.s.Subject())
				}
				must(t, do(r.s))
				out, err := r.respond(200)
				if err != nil || (out.Name == "Set-Cookie") != (how != "read" && how != "rotate") {
					t.Errorf("%+v, %v", out, err)
				}
				ends := how == "login" || how == "logout"
				alive(t, old, !ends || mode == "none")
			}
			t.Run(mode+"/codec/"+how, func(t *testing.T) {
				test(t, func(store driver.TokenStore) driver.Backend { return store })
			})
			t.Run(mode+"/format/"+how, func(t *testing.T) {
				test(t, func(store driver.TokenStore) driver.Backend { return newerTokens{store} })
			})
		}
	}
}
