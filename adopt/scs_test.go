package adopt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/gob"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/adopt"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
)

// records is a store of scs in memory.
type records struct {
	data  map[string][]byte
	calls int
	err   error
}

func (r *records) Find(token string) ([]byte, bool, error) {
	r.calls++
	data, ok := r.data[token]
	return data, ok, r.err
}

func (r *records) Delete(token string) error {
	delete(r.data, token)
	return r.err
}

// withContext has the other methods of a scs.CtxStore. Those of scs.Store panic, as in goredisstore.
type withContext struct{ *records }

func (withContext) Find(string) ([]byte, bool, error) { panic("missing context arg") }
func (withContext) Delete(string) error               { panic("missing context arg") }

func (w withContext) FindCtx(_ context.Context, token string) ([]byte, bool, error) {
	return w.records.Find(token)
}
func (w withContext) DeleteCtx(_ context.Context, token string) error { return w.records.Delete(token) }

var token = strings.Repeat("A", 42) + "E"

func gobOf(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, gob.NewEncoder(&b).Encode(v))
	return b.Bytes()
}

// recordOf is what scs.GobCodec does.
func recordOf(t testing.TB, deadline time.Time, values map[string]any) []byte {
	t.Helper()
	return gobOf(t, &struct {
		Deadline time.Time
		Values   map[string]any
	}{deadline, values})
}

func TestSCS(t *testing.T) {
	clock := storetest.NewClock()
	hash := sha256.Sum256([]byte(token))
	for name, c := range map[string]struct {
		key  string
		make func(*records) adopt.SCS
	}{
		"plain":   {token, func(r *records) adopt.SCS { return adopt.SCS{Store: r, TakenIn: newStore(nil)} }},
		"hashed":  {base64.RawURLEncoding.EncodeToString(hash[:]), func(r *records) adopt.SCS { return adopt.SCS{Store: r, TakenIn: newStore(nil), HashTokenInStore: true} }},
		"context": {token, func(r *records) adopt.SCS { return adopt.SCS{Store: withContext{r}, TakenIn: newStore(nil)} }},
		"codec": {token, func(r *records) adopt.SCS {
			return adopt.SCS{Store: r, TakenIn: newStore(nil), Decode: func([]byte) (time.Time, map[string]any, error) {
				return clock.Now().Add(time.Hour), map[string]any{"user": "alice"}, nil
			}}
		}},
	} {
		r := &records{data: map[string][]byte{c.key: recordOf(t, clock.Now().Add(time.Hour), map[string]any{"user": "alice"})}}
		config := c.make(r)
		config.Now, config.Read = clock.Now, readUser("user")
		a := made.Of(adopt.NewSCS(config))
		found := made.Of(a.Adopt(ctx, present("session", "junk", token)))
		if found == nil || found.Subject != "alice" || found.Forget[0].Name != "session" || r.calls != 1 {
			t.Fatalf("%s: %+v, %d calls", name, found, r.calls)
		}
		must(t, found.Taken(ctx))
		if len(r.data) != 0 || subject(t, a, present("session", token)) != "" {
			t.Errorf("%s: still there after Taken", name)
		}
	}
}

func TestSCSRecords(t *testing.T) {
	clock := storetest.NewClock()
	r := &records{data: map[string][]byte{}}
	a := made.Of(adopt.NewSCS(adopt.SCS{Store: r, Now: clock.Now, MaxSize: 500, TakenIn: newStore(clock.Now), Read: readUser("user")}))
	cookies := present("session", token)
	alice := map[string]any{"user": "alice"}

	r.data[token] = recordOf(t, clock.Now(), alice)
	if subject(t, a, cookies) != "" {
		t.Error("taken after its deadline")
	}
	for _, data := range [][]byte{recordOf(t, clock.Now().Add(time.Hour), map[string]any{"user": strings.Repeat("x", 500)}), []byte("junk"), {}} {
		r.data[token] = data
		if found, err := a.Adopt(ctx, cookies); found != nil || err == nil {
			t.Errorf("a record of %d bytes: %+v", len(data), found)
		}
	}
	r.data[token] = recordOf(t, clock.Now().Add(time.Hour), alice)
	r.err = errors.New("connection refused")
	if _, err := a.Adopt(ctx, cookies); !errors.Is(err, r.err) || strings.Contains(err.Error(), token) {
		t.Errorf("an outage: %v", err)
	}
	r.err = nil
	must(t, made.Of(a.Adopt(ctx, cookies)).Taken(ctx))
	r.data[token] = recordOf(t, clock.Now().Add(time.Hour), alice) // a late request of the old application
	if subject(t, a, cookies) != "" {
		t.Error("a record that came back was taken over again")
	}
	r.calls = 0
	for _, junk := range []string{token + "A", token[:42], token[:42] + "F", strings.Repeat("*", 43), token[:42] + "=", token[:9] + "\n" + token[9:]} {
		if subject(t, a, present("session", junk)) != "" || r.calls > 0 {
			t.Errorf("%q was looked up", junk)
		}
	}
}

func TestSCSSettings(t *testing.T) {
	for want, change := range map[string]func(*adopt.SCS){
		"Store is not set":    func(c *adopt.SCS) { c.Store = (*records)(nil) },
		"Read is not set":     func(c *adopt.SCS) { c.Read = nil },
		"Cookie is not valid": func(c *adopt.SCS) { c.Cookie.Name = "a;b" },
		"MaxSize is -1":       func(c *adopt.SCS) { c.MaxSize = -1 },
		"TakenIn is not set":  func(c *adopt.SCS) { c.TakenIn = nil },
		"TakenIn is a nil":    func(c *adopt.SCS) { c.TakenIn = (*nilStore)(nil) },
	} {
		c := adopt.SCS{Store: &records{}, TakenIn: newStore(nil), Read: readUser("user")}
		change(&c)
		a, err := adopt.NewSCS(c)
		if a != nil || err == nil || !strings.HasPrefix(err.Error(), "adopt: SCS.") || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := adopt.NewSCS(adopt.SCS{TakenIn: newStore(nil), Read: readUser("user")}); err == nil {
		t.Error("without a Store")
	}
}
