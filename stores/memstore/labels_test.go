package memstore_test

import (
	"encoding/binary"
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// TestManyUnderOneName fills the lists of one shard, as an administrator with thousands of sessions does, and removes
// records from them in every way.
func TestManyUnderOneName(t *testing.T) {
	clock := storetest.NewClock()
	s := made.Of(memstore.New(memstore.Config{Now: clock.Now}))
	recs := make([]*driver.Record, 2000)
	for i := range recs {
		rec := record(i, "alice", 10)
		rec.ID = driver.ID{8: byte(i), 9: byte(i >> 8)} // the first bytes choose the shard
		rec.Labels = []string{"admin", string(binary.LittleEndian.AppendUint16(nil, uint16(i)))}
		if i%2 == 0 {
			rec.Expires = clock.Now().Add(time.Minute)
		}
		recs[i] = rec
		must(t, s.Create(t.Context(), rec))
	}
	live := map[driver.ID]bool{}
	for _, i := range rand.Perm(len(recs)) {
		switch rec := recs[i]; {
		case i%2 == 0: // expires
		case i%3 == 0:
			must(t, s.Delete(t.Context(), rec.ID))
		case i%5 == 0:
			rec.Subject = ""
			must(t, s.Update(t.Context(), rec))
		default:
			live[rec.ID] = true
		}
	}
	clock.Advance(2 * time.Minute)
	for _, swept := range []bool{false, true} {
		wantAll(t, s.BySubject(t.Context(), "alice"), live)
		wantAll(t, s.ByLabel(t.Context(), "admin"), live)
		if n, _ := s.Sweep(t.Context(), len(recs)); !swept && n != len(recs)/2 {
			t.Errorf("swept %d", n)
		}
	}
	for id := range live {
		must(t, s.Delete(t.Context(), id))
	}
	wantAll(t, s.ByLabel(t.Context(), "admin"), nil)
}

func wantAll(t *testing.T, seq iter.Seq2[driver.Record, error], want map[driver.ID]bool) {
	t.Helper()
	n := 0
	for rec, err := range seq {
		must(t, err)
		if n++; !want[rec.ID] {
			t.Fatalf("%v (%q, %q) is listed", rec.ID, rec.Subject, rec.Labels)
		}
	}
	if n != len(want) {
		t.Errorf("%d listed, want %d", n, len(want))
	}
}
