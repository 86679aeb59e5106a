package gormtest

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

var sweepRows = flag.Int("sweeprows", 5_000, "how many expired rows TestSweepWhileReading removes")

// fill inserts n expired rows. Three rows share each deadline.
func fill(tb testing.TB, db *gorm.DB, table string, n int) {
	const chunk = 1000 // 7 arguments each: SQLite takes 32766, MariaDB 65535
	past := time.Now().Add(-time.Hour).UnixMicro()
	for at := 0; at < n; at += chunk {
		var sql strings.Builder
		fmt.Fprintf(&sql, "INSERT INTO %s (id, subject, label1, label2, label3, created_us, used_us, expires_us, version, data) VALUES ", table)
		var args []any
		for i := at; i < min(at+chunk, n); i++ {
			if i > at {
				sql.WriteString(", ")
			}
			sql.WriteString("(?, ?, ?, ?, ?, 0, 0, ?, 1, ?)")
			rec := record(1<<24+i, "", 261)
			args = append(args, rec.ID.String(), []byte{}, []byte{}, []byte{}, []byte{}, past+int64(i/3), rec.Data)
		}
		must(tb, db.Exec(sql.String(), args...).Error)
	}
}

// sweepWindow is how many rows a sweep deletes before a quiet time, in about a second.
const sweepWindow = 4000

// TestSweepWhileReading removes many expired rows while sessions are read and written. Sweeps and quiet times take
// turns, so that other load on the machine affects both.
func TestSweepWhileReading(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			if e.name == "MariaDB" && *sweepRows >= 100_000 {
				// Rows lie in the order of their keys, which are random. A table larger than the
				// buffer pool would make this a test of the disk.
				p = mariadbVia(t, startserver.MariaDB(t, "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=512M"))
			}
			if p.server != nil {
				p = p.direct()
			}
			const table = "swept_sessions"
			db := p.open(t)
			must(t, db.Migrator().DropTable(table))
			must(t, gormstore.Migrate(db, gormstore.Config{Table: table}))
			fill(t, db, table, *sweepRows)
			s, other := newStore(t, db, gormstore.Config{Table: table}), newStore(t, p.open(t), gormstore.Config{Table: table})
			var recs []*driver.Record
			for i := range 200 {
				recs = append(recs, record(i, "alice", 261))
				must(t, s.Create(t.Context(), recs[i]))
			}
			var sweeping, done atomic.Bool
			var removed int
			var took time.Duration
			go func() {
				defer done.Store(true)
				for n := sweepWindow; n == sweepWindow; {
					time.Sleep(time.Second / 2)
					sweeping.Store(true)
					start := time.Now()
					var err error
					n, err = s.Sweep(t.Context(), sweepWindow)
					sweeping.Store(false)
					removed, took = removed+n, took+time.Since(start)
					if err != nil {
						t.Error(err)
					}
				}
			}()
			var quiet, busy []time.Duration
			for i := 0; !done.Load(); i++ {
				rec, times := recs[i%len(recs)], &quiet
				if sweeping.Load() {
					times = &busy
				}
				start := time.Now()
				_, err := other.Load(t.Context(), rec.ID)
				*times = append(*times, time.Since(start))
				must(t, err)
				if i%10 == 0 {
					must(t, other.Update(t.Context(), rec))
				}
				time.Sleep(200 * time.Microsecond) // requests arrive one by one, they do not queue
			}
			slices.Sort(quiet)
			slices.Sort(busy)
			if removed != *sweepRows {
				t.Errorf("removed %d of %d", removed, *sweepRows)
			}
			p99 := func(times []time.Duration) time.Duration { return times[(len(times)-1)*99/100] }
			ratio := float64(p99(busy)) / float64(p99(quiet))
			t.Logf("%d rows, %.0f/s, %d reads meanwhile, p50 %v -> %v, p99 %v -> %v (%.2fx), worst %v -> %v", removed,
				float64(removed)/took.Seconds(), len(busy), quiet[len(quiet)/2], busy[len(busy)/2], p99(quiet), p99(busy), ratio,
				quiet[len(quiet)-1], busy[len(busy)-1])
			if ratio > 2 && *sweepRows >= 100_000 {
				t.Errorf("p99 of reads is %.2f times as long while sweeping", ratio)
			}
			// A sweep in one piece would let one read through at its end.
			if len(busy) < 20 {
				t.Errorf("%d reads while sweeping for %v", len(busy), took)
			}
			for _, rec := range recs {
				if _, err := s.Load(t.Context(), rec.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
