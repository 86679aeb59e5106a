package filestore

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

func TestStore(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, Config{}))
}

func TestStoreSyncEnds(t *testing.T) {
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, Config{Sync: SyncEnds}))
}

// To SyncEnds all records of the suite look ended. Here each of them may have two areas.
func TestStoreTwoAreas(t *testing.T) {
	defer func(old func([]byte) bool) { ended = old }(ended)
	ended = func([]byte) bool { return false }
	clock := storetest.NewClock()
	storetest.Run(t, harness(clock, Config{Sync: SyncEnds}))
}

func TestNewNamesTheFieldThatIsWrong(t *testing.T) {
	if s, err := New(t.TempDir(), Config{Sync: 7}); s != nil || err == nil || !strings.Contains(err.Error(), "Config.Sync") {
		t.Errorf("New = %v, %v", s, err)
	}
}

// outages and writeOutages are those that a test can cause on this platform.
var outages, writeOutages map[string]func(testing.TB) func()

// The whole suite on the real clock, with the outages.
func TestStoreRealTime(t *testing.T) {
	h := harness(nil, Config{})
	h.Outages = outages
	if f := flag.Lookup("test.testlogfile"); f == nil || f.Value.String() == "" {
		h.WriteOutages = writeOutages // the limit is the process's: the log by which go test caches results would meet it, too
	}
	storetest.Run(t, h)
}

func TestClosed(t *testing.T) {
	s, _ := newStore(t)
	rec := create(t, s, "alice", "data")
	_, err := s.Load(t.Context(), rec.ID)
	check(t, err)
	check(t, s.Close())
	check(t, s.Close())
	_, err = s.Load(t.Context(), rec.ID)
	wantError(t, err, driver.ErrUnavailable)
	wantError(t, err, os.ErrClosed)
	wantError(t, s.Create(t.Context(), newRecord("", "")), os.ErrClosed)
	wantError(t, s.Ping(t.Context()), os.ErrClosed)
}
