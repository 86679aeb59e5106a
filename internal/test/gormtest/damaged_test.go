package gormtest

import (
	"errors"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// SQLite keeps any type in any column. A row with a value that does not fit is damaged: it is no outage, and it hides
// no other row.
func TestDamagedRow(t *testing.T) {
	for name, damage := range map[string]string{
		"a number": "version = 'x'", "a time": "used_us = 'x'", "the ID": "id = 'zz'",
	} {
		t.Run(name, func(t *testing.T) {
			db := sqliteFile(t).open(t)
			config := gormstore.Config{Table: newTable()}
			must(t, gormstore.Migrate(db, config))
			s := newStore(t, db, config)
			for n := range 300 { // more than a page
				must(t, s.Create(t.Context(), record(n, "alice", 10)))
			}
			bad := record(150, "alice", 10).ID
			must(t, db.Exec("UPDATE "+config.Table+" SET "+damage+" WHERE id = ?", bad.String()).Error)
			if _, err := s.Load(t.Context(), bad); !errors.Is(err, driver.ErrCorrupt) && !(name == "the ID" && errors.Is(err, driver.ErrNotFound)) {
				t.Errorf("Load: %v", err)
			}
			for range 20 { // a breaker would have opened
				_, _ = s.Load(t.Context(), bad)
			}
			if _, err := s.Load(t.Context(), record(7, "", 0).ID); err != nil {
				t.Errorf("Load of another row: %v", err)
			}
			for way, walk := range map[string]func(func(driver.Record, error) bool){
				"All": s.All(t.Context()), "BySubject": s.BySubject(t.Context(), "alice"),
			} {
				seen, last := 0, error(nil)
				for _, err := range walk {
					if last = err; err == nil {
						seen++
					}
				}
				if seen != 299 || !errors.Is(last, driver.ErrCorrupt) {
					t.Errorf("%s: %d records, then %v", way, seen, last)
				}
			}
			if name != "the ID" {
				must(t, s.Delete(t.Context(), bad))
			}
		})
	}
}
