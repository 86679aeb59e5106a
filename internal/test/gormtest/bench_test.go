package gormtest

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

func BenchmarkStore(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			h := e.harness(b)
			h.Outages = nil
			storetest.Bench(b, h)
		})
	}
}

// plain is hand-written database/sql code with the same guarantees: the same table, payload and conditions, and
// prepared statements. It has no retries and no breaker, and does not find out why a statement changed no row.
type plain struct{ load, insert, update, touch, delete *sql.Stmt }

func newPlain(b *testing.B, e engine, pool *sql.DB) (p plain) {
	prepare := func(query string) *sql.Stmt {
		if e.name == "PostgreSQL" {
			for i := 1; ; i++ {
				at := slices.Index([]byte(query), '?')
				if at < 0 {
					break
				}
				query = fmt.Sprintf("%s$%d%s", query[:at], i, query[at+1:])
			}
		}
		stmt, err := pool.Prepare(query)
		must(b, err)
		b.Cleanup(func() { stmt.Close() })
		return stmt
	}
	must(b, func() error {
		_, err := pool.Exec("DELETE FROM plain_sessions")
		return err
	}())
	p.load = prepare("SELECT subject, label1, label2, label3, created_us, used_us, expires_us, version, data FROM plain_sessions WHERE id = ? AND expires_us > ?")
	p.insert = prepare("INSERT INTO plain_sessions (id, subject, label1, label2, label3, created_us, used_us, expires_us, version, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	p.update = prepare("UPDATE plain_sessions SET used_us = ?, expires_us = ?, data = ?, version = version + 1 WHERE id = ? AND version = ? AND expires_us > ?")
	p.touch = prepare("UPDATE plain_sessions SET used_us = ?, expires_us = ? WHERE id = ? AND version = ? AND expires_us > ? AND expires_us < ?")
	p.delete = prepare("DELETE FROM plain_sessions WHERE id = ?")
	return p
}

// BenchmarkBeside runs plain SQL and the store in turns. It reports the tenth percentile (p10) of each, and the
// store's time as a multiple of plain SQL's, at p10 and at the median.
func BenchmarkBeside(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			p := e.database(b)
			if p.server != nil { // without the proxy
				p = p.direct()
			}
			db := p.open(b)
			must(b, gormstore.Migrate(db, gormstore.Config{Table: "plain_sessions"}))
			pool, err := db.DB()
			must(b, err)
			raw, s := newPlain(b, e, pool), newStore(b, db, p.fresh(b))
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			rec := record(1, "alice", 261)
			id := rec.ID.String()
			must(b, s.Create(ctx, rec))
			insert := func(id string) error {
				_, err := raw.insert.ExecContext(ctx, id, []byte("alice"), []byte{}, []byte{}, []byte{},
					rec.Created.UnixMicro(), rec.Used.UnixMicro(), rec.Expires.UnixMicro(), 1, rec.Data)
				return err
			}
			must(b, insert(id))
			version := 1

			b.Run("Load", func(b *testing.B) {
				var subject, label1, label2, label3 string
				var created, used, expires, version int64
				var data []byte
				beside(b, func(int) error {
					return raw.load.QueryRowContext(ctx, id, time.Now().UnixMicro()).Scan(
						&subject, &label1, &label2, &label3, &created, &used, &expires, &version, &data)
				}, func(int) error { _, err := s.Load(ctx, rec.ID); return err })
			})
			b.Run("Update", func(b *testing.B) {
				beside(b, func(int) error {
					_, err := raw.update.ExecContext(ctx, rec.Used.UnixMicro(), rec.Expires.UnixMicro(), rec.Data, id, version, time.Now().UnixMicro())
					version++
					return err
				}, func(int) error { return s.Update(ctx, rec) })
			})
			b.Run("Touch", func(b *testing.B) {
				until := func(i int) time.Time { return rec.Expires.Add(time.Duration(i) * time.Millisecond) }
				n := 0
				beside(b, func(i int) error {
					to := until(i + 1).UnixMicro()
					_, err := raw.touch.ExecContext(ctx, to, to, id, version, time.Now().UnixMicro(), to)
					return err
				}, func(i int) error { n++; return s.Touch(ctx, rec.ID, rec.Version, until(n), until(n)) })
			})
			b.Run("CreateDelete", func(b *testing.B) {
				beside(b, func(i int) error {
					id := record(i+2, "", 0).ID.String()
					if err := insert(id); err != nil {
						return err
					}
					_, err := raw.delete.ExecContext(ctx, id)
					return err
				}, func(i int) error {
					rec := record(i+2, "alice", 261)
					if err := s.Create(ctx, rec); err != nil {
						return err
					}
					return s.Delete(ctx, rec.ID)
				})
			})
		})
	}
}

func beside(b *testing.B, raw, store func(i int) error) {
	var raws, stores []time.Duration
	timed := func(times *[]time.Duration, i int, f func(int) error) {
		start := time.Now()
		err := f(i)
		*times = append(*times, time.Since(start))
		must(b, err)
	}
	for i := 0; b.Loop(); i++ {
		timed(&raws, i, raw)
		timed(&stores, i, store)
	}
	slices.Sort(raws)
	slices.Sort(stores)
	at := func(times []time.Duration, percent int) float64 {
		return float64(times[(len(times)-1)*percent/100].Nanoseconds())
	}
	b.ReportMetric(at(raws, 10), "raw-p10-ns")
	b.ReportMetric(at(stores, 10), "store-p10-ns")
	b.ReportMetric(at(stores, 10)/at(raws, 10), "p10-ratio")
	b.ReportMetric(at(stores, 50)/at(raws, 50), "p50-ratio")
	b.ReportMetric(0, "ns/op")
}
