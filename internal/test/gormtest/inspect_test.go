package gormtest

import (
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

func findings(t *testing.T, s *gormstore.Store) map[string]driver.Finding {
	t.Helper()
	found, err := s.Inspect(t.Context())
	must(t, err)
	all := map[string]driver.Finding{}
	for _, f := range found {
		all[f.Name] = f
	}
	return all
}

// What each database tells. A missing index and a wrong clock are warnings, an index on a label is not.
func TestInspect(t *testing.T) {
	// The servers of these tests have these settings.
	setting := map[string][2]string{
		"SQLite": {"journal_mode", "wal"}, "PostgreSQL": {"synchronous_commit", "on"}, "MariaDB": {"innodb_flush_log_at_trx_commit", "2"},
	}
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			p := e.database(t)
			db, config := p.open(t), p.fresh(t)
			all := findings(t, newStore(t, db, config))
			for _, f := range all {
				if f.Warning != "" {
					t.Errorf("a warning: %+v", f)
				}
			}
			want := map[string]string{"version": ".", "table": config.Table, "indexes": "all five", setting[e.name][0]: setting[e.name][1]}
			if p.server != nil {
				want["clock"] = "agrees"
			}
			for name, value := range want {
				if !strings.Contains(all[name].Value, value) {
					t.Errorf("%s is %q, want %q", name, all[name].Value, value)
				}
			}
			drop := func(index string) {
				text := "DROP INDEX " + config.Table + "_" + index
				if e.name == "MariaDB" {
					text += " ON " + config.Table
				}
				must(t, db.Exec(text).Error)
			}
			config.Now = func() time.Time { return time.Now().Add(time.Minute) }
			s := newStore(t, db, config)
			if f := findings(t, s)["clock"]; p.server != nil && (!strings.Contains(f.Value, "behind") || f.Warning == "") {
				t.Errorf("%+v", f)
			}
			drop("label3")
			if f := findings(t, s)["indexes"]; f.Value != "none on label3" || f.Warning != "" {
				t.Errorf("%+v", f)
			}
			drop("subject")
			if f := findings(t, s)["indexes"]; f.Value != "none on subject, label3" || !strings.Contains(f.Warning, "Migrate") {
				t.Errorf("%+v", f)
			}
		})
	}
}
