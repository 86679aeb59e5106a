package ownstore_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/examples/guides/ownstore"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// What storetest cannot know: which bytes a crash leaves, and what a restart makes of them.

// Given records that were changed, deleted and that have expired, when the process starts anew, then it has those that
// live, in their last state. The file has nothing else any more, and the store that had it before is shut out.
func TestRestart(t *testing.T) {
	ctx, clock, path := t.Context(), storetest.NewClock(), filepath.Join(t.TempDir(), "sessions.log")
	store := open(t, path, clock)
	kept, gone, expired := record(1, clock, time.Hour), record(2, clock, time.Hour), record(3, clock, time.Minute)
	for _, rec := range []*driver.Record{kept, gone, expired} {
		check(t, store.Create(ctx, rec))
	}
	kept.Data = []byte("second state")
	check(t, store.Update(ctx, kept))
	check(t, store.Delete(ctx, gone.ID))
	clock.Advance(2 * time.Minute)

	again := open(t, path, clock)
	got, err := again.Load(ctx, kept.ID)
	check(t, err)
	if string(got.Data) != "second state" || got.Version != kept.Version || got.Subject != "alice" {
		t.Errorf("%+v", got)
	}
	for _, id := range []driver.ID{gone.ID, expired.ID} {
		if _, err := again.Load(ctx, id); !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("Load of %v: %v", id, err)
		}
	}
	if text := read(t, path); bytes.Count(text, []byte("\n")) != 1 {
		t.Errorf("not one line:\n%s", text)
	}
	if _, err := store.Load(ctx, kept.ID); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("the store that had the file before: %v", err)
	}
}

// Given a file whose end was cut off by a crash, when a process starts, then it has all lines before that. Damage in the
// middle is an error.
func TestTornFile(t *testing.T) {
	ctx, clock, path := t.Context(), storetest.NewClock(), filepath.Join(t.TempDir(), "sessions.log")
	store := open(t, path, clock)
	first, second := record(1, clock, time.Hour), record(2, clock, time.Hour)
	check(t, store.Create(ctx, first))
	whole := len(read(t, path))
	check(t, store.Create(ctx, second))
	text := read(t, path)
	for end := whole; end < len(text); end++ {
		check(t, os.WriteFile(path, text[:end], 0o600))
		again := open(t, path, clock)
		if _, err := again.Load(ctx, first.ID); err != nil {
			t.Fatalf("%d bytes: %v", end, err)
		}
		if _, err := again.Load(ctx, second.ID); !errors.Is(err, driver.ErrNotFound) {
			t.Fatalf("%d bytes: %v", end, err)
		}
	}
	text[5] = 'X'
	check(t, os.WriteFile(path, text, 0o600))
	if _, err := ownstore.New(path, ownstore.Config{}); !errors.Is(err, driver.ErrCorrupt) || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("damage in the middle: %v", err)
	}
}

// The store under core: a session of a user is found by the user's name, and ended.
func TestSignOutEverywhere(t *testing.T) {
	clock := sessiontest.NewClock()
	store := open(t, filepath.Join(t.TempDir(), "sessions.log"), clock)
	m := sessiontest.NewAt(t, clock, core.Config{Store: store})
	phone, laptop, bob := m.SignedIn("alice"), m.SignedIn("alice"), m.SignedIn("bob")
	if n, err := m.RevokeSubject(t.Context(), "alice"); n != 2 || err != nil {
		t.Errorf("ended %d sessions: %v", n, err)
	}
	phone.WantSignedIn("")
	laptop.WantSignedIn("")
	bob.WantSignedIn("bob")
	clock.Advance(15 * 24 * time.Hour) // longer than IdleTimeout
	bob.WantSignedIn("")
}

func TestURL(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.log")
	for url, want := range map[string]string{
		"ownstore:" + path + "?create=false": "no such file",
		"ownstore:" + path + "?sync=off":     `there is no option "sync"`,
	} {
		if _, err := driver.Open(context.Background(), url); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
	}
	store, err := driver.Open(context.Background(), "ownstore:"+path)
	check(t, err)
	check(t, driver.Close(store))
}

func record(n byte, clock *storetest.Clock, life time.Duration) *driver.Record {
	now := clock.Now()
	return &driver.Record{ID: driver.ID{n}, Subject: "alice", Created: now, Used: now, Expires: now.Add(life), Data: []byte("first state")}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	check(t, err)
	return text
}
