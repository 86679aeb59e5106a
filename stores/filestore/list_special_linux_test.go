package filestore

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Given something that is not a folder in the place of a folder of the store, then a user's sessions in the other
// folders are found, and can be ended.
func TestSpecialFolderHidesNoOtherSession(t *testing.T) {
	for name, with := range specials {
		if name == "folder" || name == "folder that is not empty" || name == "link to a record" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, dir := newStore(t)
			lost := newRecord("alice", "data")
			lost.ID[0] = 7
			check(t, s.Create(t.Context(), lost))
			others := map[driver.ID]bool{}
			for range 8 {
				rec := newRecord("alice", "other")
				rec.ID[0] = 8
				check(t, s.Create(t.Context(), rec))
				others[rec.ID] = true
			}
			replaced(t, filepath.Join(dir, shardName(7)), with)
			s = openStore(t, dir)
			var last error
			soon(t, "BySubject", func() {
				for rec, err := range s.BySubject(t.Context(), "alice") {
					last = err
					delete(others, rec.ID)
				}
			})
			if len(others) > 0 || !errors.Is(last, driver.ErrUnavailable) {
				t.Errorf("%d of 8 not found; the error is %v", len(others), last)
			}
		})
	}
}
