package core_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func ring(t *testing.T, primary keyring.Key, old ...keyring.Key) *keyring.Keyring {
	t.Helper()
	k, err := keyring.New(primary, old...)
	must(t, err)
	return k
}

func TestSealedRecords(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	k1, k2 := keyring.Generate("k1"), keyring.Generate("k2")
	first := newManager(t, core.Config{Store: store, Keys: ring(t, k1)})
	b := newBrowser(t, first)
	b.visit(func(s *core.Session) { must(t, name.Set(s, "a secret")) })
	c := newBrowser(t, first)
	c.visit(func(s *core.Session) { must(t, name.Set(s, "another")) })
	id := func(b *browser) core.ID { r := b.send(); defer r.x.Discard(); return r.s.ID() }
	mine, theirs := id(b), id(c)
	rec, err := store.Load(ctx, mine)
	must(t, err)
	if bytes.Contains(rec.Data, []byte("secret")) || bytes.Contains(rec.Data, []byte("name")) {
		t.Error("the store sees the content")
	}

	// Old keys read, the primary writes.
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, k2, k1)})
	b.visit(func(s *core.Session) {
		if v, _ := name.Get(s); v != "a secret" {
			t.Errorf("with the old key: %q", v)
		}
		must(t, count.Set(s, 1))
	})
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, k2)})
	alive(t, b, true)

	// With another key of that name, or under another session: anonymous. Without any key: kept, and an outage.
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, keyring.Generate("k2"))})
	alive(t, b, false)
	if _, err := newManager(t, core.Config{Store: store}).Begin(ctx, b.header()).Session(ctx); !errors.Is(err, core.ErrUnreadable) {
		t.Errorf("without Keys: %v", err)
	}
	b.m = newManager(t, core.Config{Store: store, Keys: ring(t, k2, k1)})
	swapped, err := store.Load(ctx, theirs)
	must(t, err)
	rec, err = store.Load(ctx, mine)
	must(t, err)
	rec.Data = swapped.Data
	must(t, store.Update(ctx, &rec))
	alive(t, b, false)

	// A plain record is not accepted where records are sealed.
	p := newBrowser(t, newManager(t, core.Config{Store: store}))
	p.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
	p.m = b.m
	alive(t, p, false)
}

func cookieManager(t *testing.T, mode cookiestore.Revocation, cfg core.Config) *core.Manager {
	t.Helper()
	store, err := cookiestore.New(ring(t, keyring.Generate("k1")), mode, cookiestore.Config{})
	must(t, err)
	cfg.Store = store
	return newManager(t, cfg)
}

func TestCookieStore(t *testing.T) {
	for mode, revocation := range map[string]cookiestore.Revocation{
		"none": cookiestore.NoRevocation(), "revoking": cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))),
	} {
		t.Run(mode, func(t *testing.T) {
			revoking := mode == "revoking"
			m := cookieManager(t, revocation, core.Config{})
			b := newBrowser(t, m)
			b.visit(func(s *core.Session) { must(t, count.Set(s, 1)); must(t, s.AddFlash("info", "hi")) })
			b.visit(func(s *core.Session) {
				must(t, count.Update(s, func(n int) int { return n + 1 }))
				if list, err := s.Flashes(ctx); err != nil || len(list) != 1 {
					t.Errorf("%v, %v", list, err)
				}
			})
			b.visit(func(s *core.Session) {
				if list, _ := s.Flashes(ctx); len(list) != 0 {
					t.Errorf("again: %v", list)
				}
			})
			if n, _ := b.value(count); n != 2 {
				t.Errorf("count = %d", n)
			}
			old := b.copyOf()
			b.visit(func(s *core.Session) { must(t, s.Login("alice")) })
			alive(t, old, !revoking)
			b.visit(func(s *core.Session) {
				if n, _ := count.Get(s); n != 2 || s.Subject() != "alice" {
					t.Errorf("%d, %q", n, s.Subject())
				}
			})
			old = b.copyOf()
			b.visit(func(s *core.Session) { must(t, s.Logout()) })
			if b.cookie != "" {
				t.Error("cookie not deleted")
			}
			alive(t, old, !revoking)

			// Too large: an error with a number, and the old cookie stays good.
			b.visit(func(s *core.Session) { must(t, count.Set(s, 7)) })
			r := b.send()
			must(t, name.Set(r.s, strings.Repeat("x", 4000)))
			if out, err := r.respond(200); !errors.Is(err, core.ErrTooLarge) || out.Name != "" {
				t.Errorf("%+v, %v", out, err)
			}
			if n, _ := b.value(count); n != 7 {
				t.Errorf("count = %d", n)
			}
			var id core.ID
			b.visit(func(s *core.Session) { id = s.ID() })
			err := m.Revoke(ctx, id)
			if revoking != (err == nil) || !revoking && !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("Revoke: %v", err)
			}
			alive(t, b, !revoking)
		})
	}
}

// expectOfTokens is expect where the token carries the record: it is as good as ended by whatever gives the
// client another one, and messages are taken when the response is committed.
func expectOfTokens(change string) outcome {
	if change == "nothing" || change == "logout" {
		return outcome{}
	}
	return outcome{err: core.ErrEnded}
}

func TestCookieStoreInFlight(t *testing.T) {
	for change, changeIt := range changes {
		for _, end := range []string{"logout", "revoke", "rotate"} {
			t.Run(end+"/"+change, func(t *testing.T) {
				m := cookieManager(t, cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))), core.Config{TouchInterval: time.Microsecond})
				b := newBrowser(t, m)
				b.visit(func(s *core.Session) {
					must(t, s.Login("alice"))
					must(t, count.Set(s, 1))
					must(t, s.AddFlash("i", "x"))
				})
				old := b.copyOf()
				slow := old.copyOf().send()
				ends[end](t, b)
				changeIt(t, slow.s)
				out, err := slow.respond(200)
				expectOfTokens(change).check(t, out, err)
				alive(t, old, false)
				if end == "rotate" {
					alive(t, b, true)
				}
			})
		}
	}
}

func TestCookieStoreExpiresInFlight(t *testing.T) {
	for change, changeIt := range changes {
		t.Run(change, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := cookieManager(t, cookiestore.NoRevocation(), core.Config{IdleTimeout: time.Hour, TouchInterval: time.Second})
				b := newBrowser(t, m)
				b.visit(func(s *core.Session) {
					must(t, s.Login("alice"))
					must(t, count.Set(s, 1))
					must(t, s.AddFlash("i", "x"))
				})
				slow := b.copyOf().send()
				time.Sleep(time.Hour)
				changeIt(t, slow.s)
				out, err := slow.respond(200)
				expectOfTokens(change).check(t, out, err)
			})
		})
	}
}

func TestCookieStoreTakesNoKeys(t *testing.T) {
	store, err := cookiestore.New(ring(t, keyring.Generate("k1")), cookiestore.NoRevocation(), cookiestore.Config{})
	must(t, err)
	if _, err := core.New(core.Config{Store: store, Keys: ring(t, keyring.Generate("k2"))}); err == nil || !strings.Contains(err.Error(), "Config.Keys") {
		t.Errorf("New: %v", err)
	}
}

type valueKey struct{}

// No token, and no value, in anything that might be printed.
func TestNothingLeaks(t *testing.T) {
	var logs bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var events []string
	cfg := core.Config{Logger: logger, Observer: func(_ context.Context, e core.Event) { events = append(events, fmt.Sprintf("%+v", e)) }}
	server := newManager(t, cfg)
	cookies, err := cookiestore.New(ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))), cookiestore.Config{})
	must(t, err)
	cfg.Store = cookies
	dir := filepath.Join(t.TempDir(), "sessions")
	files, err := filestore.New(dir, filestore.Config{})
	must(t, err)
	fileCfg := cfg
	fileCfg.Store = files
	for _, m := range []*core.Manager{server, newManager(t, cfg), newManager(t, fileCfg)} {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, name.Set(s, "sEcReT")); must(t, s.Login("alice")) })
		_, token, _ := strings.Cut(b.cookie, "=")
		var dump strings.Builder
		for _, x := range []*core.Exchange{m.Begin(ctx, b.header()), m.BeginBytes(ctx, []byte(b.cookie))} {
			s, err := x.Session(ctx)
			must(t, err)
			must(t, name.Set(s, "sEcReT2"))
			must(t, s.RotateID())
			type holder struct {
				S *core.Session
				X *core.Exchange
				C context.Context
				M *core.Manager
			}
			for _, v := range []any{s, x, x.Context(), m, holder{s, x, x.Context(), m}, &holder{s, x, x.Context(), m},
				[]any{s}, context.WithValue(x.Context(), valueKey{}, "v")} {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
					fmt.Fprintf(&dump, verb+"\n", v)
				}
				if j, err := json.Marshal(v); err == nil {
					dump.Write(j)
				}
				logger.Info("dump", "v", v)
			}
			must(t, core.Key[float64]("f").Set(s, 1))
			_ = core.Key[chan int]("c").Set(s, nil)
			_, err = x.Commit(ctx, 200)
			fmt.Fprintln(&dump, err, s.Err())
		}
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			data, _ := os.ReadFile(path)
			if strings.Contains(path, token) || bytes.Contains(data, []byte(token)) {
				t.Errorf("a token in %s", path)
			}
			return err
		})
		for _, text := range []string{dump.String(), logs.String(), strings.Join(events, "\n")} {
			if strings.Contains(text, token) || strings.Contains(strings.ToLower(text), "secret") || strings.Contains(text, fmt.Sprintf("%x", token)) {
				t.Errorf("a token or a value in: %.2000s", text)
			}
		}
	}
}

// A writer of the store cannot make a session outlive its ExpireAt where it is sealed.
func TestExpireAtIsSealed(t *testing.T) {
	store := made(memstore.New(memstore.Config{}))
	clock := storetest.NewClock()
	m := newManager(t, core.Config{Store: store, Keys: ring(t, keyring.Generate("k1")), Now: clock.Now})
	b := newBrowser(t, m)
	var id core.ID
	b.visit(func(s *core.Session) {
		must(t, count.Set(s, 1))
		must(t, s.ExpireAt(clock.Now().Add(time.Hour)))
		id = s.ID()
	})
	rec, err := store.Load(ctx, id)
	must(t, err)
	must(t, store.Touch(ctx, id, rec.Version, rec.Used, rec.Expires.Add(24*time.Hour)))
	clock.Advance(59 * time.Minute)
	alive(t, b, true)
	clock.Advance(time.Minute)
	alive(t, b, false)
}
