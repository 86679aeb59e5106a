package crossingstore_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func open(tb testing.TB, to, from driver.Store, config crossingstore.Config) *crossingstore.Store {
	tb.Helper()
	s, err := crossingstore.New(to, from, config)
	must(tb, err)
	return s
}

func newMemory() *memstore.Store { return made.Of(memstore.New(memstore.Config{})) }

func openFiles(tb testing.TB, dir string) driver.Store {
	s, err := filestore.New(dir, filestore.Config{})
	must(tb, err)
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// record returns a record that lives for an hour.
func record(n int) *driver.Record {
	now := time.Now().Truncate(time.Microsecond)
	return &driver.Record{
		ID: driver.ID{byte(n), byte(n >> 8), 1}, Subject: "alice", Labels: []string{"admin", "sid"},
		Created: now, Used: now, Expires: now.Add(time.Hour), Data: []byte("data of a session"),
	}
}

// fill creates n records.
func fill(tb testing.TB, s driver.Store, n int) (recs []*driver.Record) {
	tb.Helper()
	for i := range n {
		rec := record(i)
		must(tb, s.Create(tb.Context(), rec))
		recs = append(recs, rec)
	}
	return recs
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func wantError(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("error is %v, want %v", err, want)
	}
}

// ids walks to the end, and fails if it meets a record twice.
func ids(tb testing.TB, seq func(func(driver.Record, error) bool)) map[driver.ID]driver.Record {
	tb.Helper()
	seen := map[driver.ID]driver.Record{}
	for rec, err := range seq {
		must(tb, err)
		if _, twice := seen[rec.ID]; twice {
			tb.Fatalf("%v is listed twice", rec.ID)
		}
		seen[rec.ID] = rec
	}
	return seen
}

// setFormat gives a record of a filestore another format number, as a newer release would.
func setFormat(tb testing.TB, dir string, id driver.ID, number byte) {
	tb.Helper()
	f, err := os.OpenFile(fileOf(dir, id), os.O_WRONLY, 0)
	must(tb, err)
	_, err = f.WriteAt([]byte{0, number}, 6)
	must(tb, err)
	must(tb, f.Close())
}

func fileOf(dir string, id driver.ID) string {
	name := id.String()
	return filepath.Join(dir, name[:2], name[2:])
}
