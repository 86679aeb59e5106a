package linear

import (
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

var (
	again   = flag.String("history", "", "a history.json to check again; default: those in testdata")
	keepIn  = flag.String("keep", "", "the folder in which histories that nothing explains are kept; default: that for temporary files")
	patient = time.Minute
)

// undecided is how long the checker looks at one history.
const undecided = 10 * time.Second

// TestHistoryFile checks a history that was kept before: that of -history, or those of which the model once
// had no explanation, and was wrong.
func TestHistoryFile(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	if *again != "" {
		files = []string{*again}
	}
	if len(files) == 0 {
		t.Fatal("no histories in testdata")
	}
	for _, file := range files {
		h, err := readHistory(file)
		if err != nil {
			t.Fatal(err)
		}
		switch h.check(patient) {
		case porcupine.Illegal:
			t.Error(h.violation(*keepIn))
		case porcupine.Unknown:
			t.Errorf("%s: undecided after %v", file, patient)
		}
	}
}

// TestMemstore is the plainest case: one process, nothing fails.
func TestMemstore(t *testing.T) {
	managers := servers(t, made.Of(memstore.New(memstore.Config{})))
	for seed := range uint64(50) {
		h := newRun("memstore", seed, managers).play(nil)
		if res := h.check(patient); res != porcupine.Ok {
			t.Fatal(res, h.violation(*keepIn))
		}
	}
}

// servers are managers over stores.
func servers(tb testing.TB, stores ...driver.Store) (managers []*core.Manager) {
	tb.Helper()
	for _, store := range stores {
		m, err := newManager(store, patient)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = m.Close() })
		managers = append(managers, m)
	}
	return managers
}

// A store that cannot find the sessions of a user is refused at once. Otherwise no order of events explains the answers
// of RevokeSubject.
func TestStoreWithoutIndexIsRefused(t *testing.T) {
	bare := struct{ driver.Store }{made.Of(memstore.New(memstore.Config{}))}
	if _, err := newManager(bare, patient); err == nil || !strings.Contains(err.Error(), "driver.Indexer") {
		t.Errorf("newManager: error %v", err)
	}
}
