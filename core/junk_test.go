package core_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Given a thousand cookies that anybody can make up for a store whose tokens carry the record - noise, the names of
// keys that are not here, formats of a later release - when requests come with them, then each is anonymous, none is
// a 503, the Observer hears of each, and nobody is woken: no line of the log is above DEBUG.
func TestJunkTokensAreQuiet(t *testing.T) {
	for mode, revocation := range map[string]cookiestore.Revocation{
		"none": cookiestore.NoRevocation(), "revoking": cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))),
	} {
		t.Run(mode, func(t *testing.T) {
			var log bytes.Buffer
			told := 0
			m := cookieManager(t, revocation, core.Config{
				Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
				Observer: func(_ context.Context, e core.Event) {
					if e.Kind == core.EventCorrupt && e.Err != nil {
						told++
					}
				},
			})
			foreign := newBrowser(t, cookieManager(t, cookiestore.NoRevocation(), core.Config{}))
			foreign.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
			name, _, _ := cut(foreign.cookie)
			const junk = 1000
			for i := range junk {
				raw := make([]byte, 20+i)
				rand.Read(raw)
				switch i % 4 {
				case 1: // the name of a key
					copy(raw, "\x01\x02k9")
				case 2: // the name of our key
					copy(raw, "\x01\x02k1")
				case 3: // a newer release of package keyring
					copy(raw, "\x02\x02k1")
				}
				b := newBrowser(t, m)
				b.cookie = name + "=" + base64.RawURLEncoding.EncodeToString(raw)
				if i == 0 {
					b.cookie = foreign.cookie
				}
				if out := b.visit(read); out.Name == "Set-Cookie" {
					t.Fatalf("cookie %d was replaced: %s", i, out.Value)
				}
			}
			if told != junk {
				t.Errorf("the Observer heard of %d of %d", told, junk)
			}
			for line := range strings.Lines(log.String()) {
				if !strings.Contains(line, "level=DEBUG") {
					t.Fatalf("in the log: %s", line)
				}
			}
			if n := strings.Count(log.String(), "level=DEBUG"); n != junk {
				t.Errorf("%d lines", n)
			}
		})
	}
}

type renamed struct{ core.Codec }

func (renamed) Name() string { return "other" }

// newerTokens finds every token to be of a newer format.
type newerTokens struct{ driver.TokenStore }

func (s newerTokens) Open(ctx context.Context, token string, binding []byte) (driver.Record, error) {
	rec, err := s.TokenStore.Open(ctx, token, binding)
	if err == nil {
		rec, err = driver.Record{ID: rec.ID}, driver.Unreadable("test")
	}
	return rec, err
}

// Given a token that a newer release has made, or one with another codec, when this one gets it, then the request is
// anonymous; a page keeps the cookie, a write replaces it, and Login and Logout also end the session.
func TestTokenOfANewerRelease(t *testing.T) {
	for mode, revocation := range map[string]cookiestore.Revocation{
		"none": cookiestore.NoRevocation(), "revoking": cookiestore.RevokeIn(made(memstore.New(memstore.Config{}))),
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
				b := newBrowser(t, newManager(t, core.Config{Store: store, Codec: renamed{core.JSON}}))
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
