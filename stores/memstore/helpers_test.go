package memstore_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func fill(tb testing.TB, s *memstore.Store, n int) []*driver.Record {
	recs := make([]*driver.Record, n)
	for i := range recs {
		recs[i] = record(i, "", 10)
		must(tb, s.Create(tb.Context(), recs[i]))
	}
	return recs
}

// record returns a record with an ID made of n, which lives for an hour.
func record(n int, subject string, size int) *driver.Record {
	now := time.Now()
	return &driver.Record{ID: id(n), Subject: subject, Created: now, Used: now, Expires: now.Add(time.Hour), Data: make([]byte, size)}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

const payload = 261 // bytes: five values in a session, as JSON

// id returns an ID as core makes them: random at the beginning, and the same end for all IDs of an application.
func id(n int) driver.ID {
	hash := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	clear(hash[16:])
	return hash
}

// heapDuring returns by how many bytes the live heap grows.
func heapDuring(do func()) int64 {
	before := liveHeap()
	do()
	return liveHeap() - before
}

func liveHeap() int64 {
	var m runtime.MemStats
	for range 3 { // one cycle frees, the next ones sweep and empty pools
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// populate creates n sessions, those with an even number expiring an hour earlier.
func populate(tb testing.TB, s *memstore.Store, start time.Time, n int, subject func(int) string) {
	rec := driver.Record{Created: start}
	for i := range n {
		rec.ID, rec.Subject, rec.Data = id(i), subject(i), make([]byte, payload)
		rec.Expires = start.Add(time.Duration(1+i%2) * time.Hour)
		must(tb, s.Create(tb.Context(), &rec))
	}
}

func anonymous(int) string  { return "" }
func loggedIn(i int) string { return fmt.Sprintf("user-%07d", i/2) }
