package gormtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// counter returns a function that counts the statements a server has executed, by their first word. It reads the
// server's own statistics.
func (e engine) counter(t *testing.T, db *gorm.DB) func() map[string]int {
	if e.name == "PostgreSQL" {
		must(t, db.Exec("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").Error)
	}
	return func() map[string]int {
		var rows []struct {
			Name string
			N    int
		}
		if e.name == "PostgreSQL" {
			must(t, db.Raw(`SELECT lower(split_part(query, ' ', 1)) AS name, sum(calls) AS n FROM pg_stat_statements
WHERE query NOT LIKE '%pg_stat%' AND query NOT LIKE '-- ping%' AND query <> ';' GROUP BY 1`).Scan(&rows).Error)
		} else {
			must(t, db.Raw(`SELECT lower(substr(variable_name, 5)) AS name, variable_value AS n FROM information_schema.global_status
WHERE variable_name IN ('Com_insert', 'Com_update', 'Com_delete', 'Com_begin', 'Com_commit', 'Com_rollback', 'Com_stmt_prepare', 'Com_stmt_close', 'Com_select', 'Com_set_option')`).Scan(&rows).Error)
		}
		counts := map[string]int{}
		for _, row := range rows {
			counts[strings.TrimRight(row.Name, ";")] = row.N
		}
		return counts
	}
}

// TestStatements: each call is one statement in the server's statistics, and one round trip at the proxy.
func TestStatements(t *testing.T) {
	for _, e := range servers {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			db := p.open(t)
			pool, err := db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1) // so that nothing is prepared twice
			s := newStore(t, db, config)
			must(t, everyCall(t, s, record(1, "alice", 261), func(string, func() error) error { return nil }))

			count := e.counter(t, e.database(t).open(t)) // over another connection
			rec := record(2, "alice", 261)
			must(t, everyCall(t, s, rec, func(name string, call func() error) error {
				_ = pool.Ping() // pgx asks after a pause whether the server lives
				before := count()
				p.proxy.ResetStats()
				if err := call(); err != nil {
					return err
				}
				trips := p.proxy.Stats().RoundTrips
				after := count()
				maps.DeleteFunc(after, func(word string, n int) bool {
					after[word] -= before[word]
					if word == "select" && e.name == "MariaDB" {
						after[word]-- // the query for the statistics itself
					}
					return after[word] == 0
				})
				want := map[string]string{"Load": "select", "Create": "insert", "Update": "update", "Touch": "update", "Delete": "delete"}[name]
				if trips != 1 || len(after) != 1 || after[want] != 1 {
					t.Errorf("%s: %d round trips, statements %v", name, trips, after)
				}
				return nil
			}))
		})
	}
}

// everyCall makes each call of the contract once. It passes the call to around, and makes it itself if around does not.
func everyCall(t *testing.T, s *gormstore.Store, rec *driver.Record, around func(string, func() error) error) error {
	calls := []struct {
		name string
		call func() error
	}{
		{"Create", func() error { return s.Create(t.Context(), rec) }},
		{"Load", func() error { _, err := s.Load(t.Context(), rec.ID); return err }},
		{"Update", func() error { return s.Update(t.Context(), rec) }},
		{"Touch", func() error {
			return s.Touch(t.Context(), rec.ID, rec.Version, rec.Used.Add(time.Hour), rec.Expires.Add(time.Hour))
		}},
		{"Delete", func() error { return s.Delete(t.Context(), rec.ID) }},
	}
	for _, c := range calls {
		made := false
		err := around(c.name, func() error { made = true; return c.call() })
		if err == nil && !made {
			err = c.call()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TestRequests counts the round trips of whole requests: without a session, with a session that the handler does not
// read, with one that it reads, with one that it writes, and with a new one.
func TestRequests(t *testing.T) {
	for _, e := range servers {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			db := p.open(t)
			pool, err := db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1)
			m := newManager(t, newStore(t, db, config))
			set := func(s *core.Session) { must(t, count.Set(s, 1)) }
			read := func(s *core.Session) { _, _ = count.Get(s) }
			cookie := visit(t, m, "", set)
			visit(t, m, cookie, set) // warm

			trips := func(cookie string, handler func(*core.Session)) int {
				_ = pool.Ping()
				p.proxy.ResetStats()
				var header http.Header
				if cookie != "" {
					header = http.Header{"Cookie": {cookie}}
				}
				x := m.Adapter().Begin(t.Context(), header)
				r := request{x: x}
				if handler != nil {
					r.s, err = x.Session(t.Context())
					must(t, err)
					handler(r.s)
				}
				_, err := r.respond()
				must(t, err)
				return p.proxy.Stats().RoundTrips
			}
			got := []int{trips("", nil), trips(cookie, nil), trips(cookie, read), trips(cookie, set), trips("", set)}
			if want := []int{0, 0, 1, 2, 1}; !slices.Equal(got, want) {
				t.Errorf("round trips %v, want %v", got, want)
			}
		})
	}
}
