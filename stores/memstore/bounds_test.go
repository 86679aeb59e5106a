package memstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func wantFull(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, memstore.ErrFull) || !errors.Is(err, driver.ErrUnavailable) {
		t.Fatalf("error is %v, want ErrFull and ErrUnavailable", err)
	}
}

func TestFullStoreRefusesAndKeepsTheLiving(t *testing.T) {
	const room = 100
	s := made.Of(memstore.New(memstore.Config{MaxRecords: room}))
	recs := fill(t, s, room)
	next := record(room, "", 10)
	wantFull(t, s.Create(t.Context(), next))
	if next.Version != 0 || s.Len() != room {
		t.Errorf("version %d, %d records after a refusal", next.Version, s.Len())
	}
	for _, rec := range recs { // the sessions in the store can be used and ended
		must(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Hour)))
		must(t, s.Update(t.Context(), rec))
	}
	must(t, s.Delete(t.Context(), recs[0].ID))
	must(t, s.Create(t.Context(), next))
}

func TestFullStoreReusesTheExpired(t *testing.T) {
	const room = 1000
	clock := storetest.NewClock()
	s := made.Of(memstore.New(memstore.Config{MaxRecords: room, Now: clock.Now}))
	fill(t, s, room)
	clock.Advance(2 * time.Hour)
	refused := 0
	for n := range room {
		rec := record(room+n, "", 10)
		rec.Expires = clock.Now().Add(time.Hour)
		for s.Create(t.Context(), rec) != nil {
			if refused++; refused > 10*room {
				t.Fatal("a store full of expired records goes on to refuse")
			}
		}
	}
}

func TestMaxBytes(t *testing.T) {
	const bound = 100_000
	s := made.Of(memstore.New(memstore.Config{MaxBytes: bound}))
	huge := record(0, "alice", bound)
	if err := s.Create(t.Context(), huge); !errors.Is(err, driver.ErrTooLarge) {
		t.Fatalf("what never fits: %v", err)
	}
	rec := record(0, "alice", 50_000)
	rec.Labels = []string{"admin", "sid"}
	must(t, s.Create(t.Context(), rec))
	wantFull(t, s.Create(t.Context(), record(1, "", 60_000)))
	must(t, s.Create(t.Context(), record(1, "", 30_000)))

	grown := *rec
	grown.Data = make([]byte, 80_000)
	wantFull(t, s.Update(t.Context(), &grown))
	if got, err := s.Load(t.Context(), rec.ID); err != nil || len(got.Data) != 50_000 || grown.Version != rec.Version {
		t.Fatalf("after a refused Update: %v, %d bytes", err, len(got.Data))
	}
	grown.Data = make([]byte, bound)
	if err := s.Update(t.Context(), &grown); !errors.Is(err, driver.ErrTooLarge) {
		t.Fatalf("an Update to what never fits: %v", err)
	}
	rec.Data = rec.Data[:1000]
	must(t, s.Update(t.Context(), rec))
	must(t, s.Create(t.Context(), record(3, "", 60_000)))
	must(t, s.Delete(t.Context(), id(0)))
	must(t, s.Delete(t.Context(), id(3)))
	must(t, s.Delete(t.Context(), id(1)))
	must(t, s.Create(t.Context(), record(2, "", bound-200))) // all of it came back
	wantFull(t, s.Create(t.Context(), record(4, "", 10)))    // and no more than that
}

func TestLabelsCountAsBytes(t *testing.T) {
	s := made.Of(memstore.New(memstore.Config{MaxBytes: 1000}))
	rec := record(0, "alice", 10)
	rec.Labels = []string{strings.Repeat("l", driver.MaxSubject), strings.Repeat("m", driver.MaxSubject)}
	must(t, s.Create(t.Context(), rec))
	wantFull(t, s.Create(t.Context(), record(1, "", 10)))
	rec.Subject = ""
	must(t, s.Update(t.Context(), rec))
	must(t, s.Create(t.Context(), record(1, "", 10)))
}
