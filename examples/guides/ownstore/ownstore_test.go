package ownstore_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/examples/guides/ownstore"
)

func TestStore(t *testing.T) { storetest.Run(t, harness(storetest.NewClock())) }

func BenchmarkStore(b *testing.B) { storetest.Bench(b, harness(storetest.NewClock())) }

func harness(clock *storetest.Clock) storetest.Harness {
	var path string // of the storage that New made last
	var store *ownstore.Store
	return storetest.Harness{
		Clock: clock, // the store's, too: nobody waits until a record expires
		New: func(tb testing.TB) func(testing.TB) driver.Store { // for each rule: an empty storage
			path = filepath.Join(tb.TempDir(), "sessions.log")
			store = open(tb, path, clock)
			return func(testing.TB) driver.Store { return store } // Info.Local: there is one handle
		},
		Block: func(testing.TB) (release func()) { return store.Hold() },
		Outages: map[string]func(testing.TB) (end func()){
			"the file is away": func(tb testing.TB) func() {
				rename(tb, path, path+".away")
				return func() { rename(tb, path+".away", path) }
			},
		},
		WriteOutages: map[string]func(testing.TB) (end func()){
			"the file is read-only": func(tb testing.TB) func() { return store.ReadOnly(tb) },
		},
		Newer: func(tb testing.TB, id driver.ID) (back func()) {
			number(tb, path, id, '2')
			return func() { number(tb, path, id, '1') }
		},
		Damage: func(tb testing.TB, id driver.ID) { number(tb, path, id, 'X') },
	}
}

func open(tb testing.TB, path string, clock *storetest.Clock) *ownstore.Store {
	tb.Helper()
	store, err := ownstore.New(path, ownstore.Config{Now: clock.Now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

func rename(tb testing.TB, from, to string) {
	tb.Helper()
	if err := os.Rename(from, to); err != nil {
		tb.Fatal(err)
	}
}

// number gives the last line of a record the number of another format.
func number(tb testing.TB, path string, id driver.ID, digit byte) {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	at := bytes.LastIndex(text, fmt.Append(nil, " ", id, " {"))
	if at < 1 {
		tb.Fatalf("no line of %v", id)
	}
	text[at-1] = digit
	if err := os.WriteFile(path, text, 0o600); err != nil {
		tb.Fatal(err)
	}
}
