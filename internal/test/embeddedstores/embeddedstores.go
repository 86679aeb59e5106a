// Package embeddedstores runs core/adaptertest for one adapter with each embedded store, and with two server processes
// on one folder of files. The tests of all adapters call it, so that all are tested alike.
package embeddedstores

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/adaptertest"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// Run runs adaptertest with every store, in parallel, since much of the time is spent waiting. memstore and cookiestore
// get all rules, because the tokens of cookiestore take another path through core. filestore gets the rules that depend
// on the store, if package rounds says full: an adapter reaches its store only through core, and httpsession calls RunAll.
func Run(t *testing.T, a adaptertest.Adapter) { run(t, a, rounds.Full) }

// RunAll is Run with filestore in any case.
func RunAll(t *testing.T, a adaptertest.Adapter) { run(t, a, true) }

func run(t *testing.T, a adaptertest.Adapter, filesToo bool) {
	each := func(name string, run func(*testing.T, adaptertest.Harness), h adaptertest.Harness) {
		h.Adapter, h.Timeout = a, 5*time.Minute // many rules run at once, perhaps on a busy machine
		h.Junk = rounds.Of(1_000, 0)
		t.Run(name, func(t *testing.T) { t.Parallel(); run(t, h) })
	}
	each("memstore", adaptertest.Run, adaptertest.Harness{New: memory})
	each("cookiestore", adaptertest.Run, adaptertest.Harness{Tokens: tokens})
	if filesToo {
		each("filestore", adaptertest.RunStore, adaptertest.Harness{New: files})
	}
}

// RunProcesses calls adaptertest.RunProcesses with filestore. It must be the first thing that a test does.
func RunProcesses(t *testing.T, a adaptertest.Adapter) { adaptertest.RunProcesses(t, a, openFiles) }

func memory(testing.TB) func(testing.TB) driver.Store {
	store := made.Of(memstore.New(memstore.Config{}))
	return func(testing.TB) driver.Store { return store }
}

func files(tb testing.TB) func(testing.TB) driver.Store {
	dir := made.MemoryDir(tb)
	return func(tb testing.TB) driver.Store { return openFiles(tb, dir) }
}

func openFiles(tb testing.TB, dir string) driver.Store {
	store, err := filestore.New(filepath.Join(dir, "sessions"), filestore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = store.Close() })
	return store
}

func tokens(tb testing.TB) driver.TokenStore {
	keys, err := keyring.New(keyring.Generate("k1"))
	if err != nil {
		tb.Fatal(err)
	}
	store, err := cookiestore.New(keys, cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return store
}
