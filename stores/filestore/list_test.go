package filestore

import (
	"os"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A walk yields all other records when there is a damaged file, and ends in ErrCorrupt.
func TestDamageInWalks(t *testing.T) {
	s, dir := newStore(t)
	for i := range 5 {
		rec := newRecord("alice", "data")
		rec.Labels = []string{"admin"}
		check(t, s.Create(t.Context(), rec))
		if i == 2 {
			check(t, os.Truncate(filePath(dir, rec.ID), 50))
		}
	}
	for name, seq := range map[string]func(func(driver.Record, error) bool){
		"All": s.All(t.Context()), "BySubject": s.BySubject(t.Context(), "alice"),
		"ByLabel": s.ByLabel(t.Context(), "admin"),
	} {
		n := 0
		var last error
		for _, err := range seq {
			if last = err; err == nil {
				n++
			}
		}
		if n != 4 {
			t.Errorf("%s: %d records, want 4", name, n)
		}
		wantError(t, last, driver.ErrCorrupt)
	}
}
