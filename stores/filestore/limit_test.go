package filestore

import (
	"os"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// A damaged record opens no session, so it does not count. CreateLimited leaves it to an administrator.
func TestLimitLeavesTheDamaged(t *testing.T) {
	s, dir := newStore(t)
	damaged, rec := newRecord("alice", "\x01\x00data"), newRecord("alice", "\x01\x00data")
	rec.ID[16], damaged.ID[16] = 0, 0
	copy(rec.ID[16:], damaged.ID[16:])
	check(t, s.Create(t.Context(), damaged))
	check(t, os.WriteFile(filePath(dir, damaged.ID), []byte("junk"), 0o600))
	removed, err := s.CreateLimited(t.Context(), rec, driver.Limit{Most: 1, Refuse: true})
	if err != nil || len(removed) != 0 {
		t.Errorf("removed %v, %v", removed, err)
	}
	if _, err := os.Stat(filePath(dir, damaged.ID)); err != nil {
		t.Errorf("the damaged file: %v", err)
	}
}
