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

// plain is the floor: the store's own statements, prepared and executed with database/sql, on the same *sql.DB. It has
// no retries and no breaker, and does not find out why a statement changed no row.
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
	p.load = prepare("SELECT id, subject, label1, label2, label3, created_us, used_us, expires_us, version, data FROM plain_sessions WHERE id = ?")
	p.insert = prepare("INSERT INTO plain_sessions (id, subject, label1, label2, label3, created_us, used_us, expires_us, version, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	const times = "used_us = CASE WHEN used_us > ? THEN used_us ELSE ? END, expires_us = CASE WHEN expires_us > ? THEN expires_us ELSE ? END"
	const this = " WHERE id = ? AND version = ? AND expires_us > ?"
	p.update = prepare("UPDATE plain_sessions SET data = ?, version = version + 1, " + times + this)
	p.touch = prepare("UPDATE plain_sessions SET " + times + this + " AND (used_us < ? OR expires_us < ?)")
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
			rec := record(1, "alice", 261)
			id := rec.ID.String()
			must(b, s.Create(b.Context(), rec))
			insert := func(ctx context.Context, id string) error {
				_, err := raw.insert.ExecContext(ctx, id, []byte("alice"), []byte{}, []byte{}, []byte{},
					rec.Created.UnixMicro(), rec.Used.UnixMicro(), rec.Expires.UnixMicro(), 1, rec.Data)
				return err
			}
			must(b, insert(b.Context(), id))
			version := 1

			b.Run("Load", func(b *testing.B) {
				var id, subject, label1, label2, label3 string
				var created, used, expires, version int64
				var data []byte
				beside(b, func(ctx context.Context, _ int) error {
					return raw.load.QueryRowContext(ctx, rec.ID.String()).Scan(
						&id, &subject, &label1, &label2, &label3, &created, &used, &expires, &version, &data)
				}, func(ctx context.Context, _ int) error { _, err := s.Load(ctx, rec.ID); return err })
			})
			b.Run("Update", func(b *testing.B) { // of a session with an idle timeout
				beside(b, func(ctx context.Context, _ int) error {
					now := time.Now().UnixMicro()
					until := now + time.Hour.Microseconds()
					_, err := raw.update.ExecContext(ctx, rec.Data, now, now, until, until, id, version, now)
					version++
					return err
				}, func(ctx context.Context, _ int) error {
					rec.Used = time.Now()
					rec.Expires = rec.Used.Add(time.Hour)
					return s.Update(ctx, rec)
				})
			})
			b.Run("Touch", func(b *testing.B) {
				until := func(i int) time.Time { return rec.Expires.Add(time.Duration(i) * time.Millisecond) }
				n := 0
				beside(b, func(ctx context.Context, i int) error {
					to := until(i + 1).UnixMicro()
					_, err := raw.touch.ExecContext(ctx, to, to, to, to, id, version, time.Now().UnixMicro(), to, to)
					return err
				}, func(ctx context.Context, i int) error {
					n++
					return s.Touch(ctx, rec.ID, rec.Version, until(n), until(n))
				})
			})
			b.Run("Create", func(b *testing.B) {
				beside(b, func(ctx context.Context, i int) error { return insert(ctx, record(i+2, "", 0).ID.String()) },
					func(ctx context.Context, i int) error { return s.Create(ctx, record(i+2, "alice", 261)) })
			})
			b.Run("Delete", func(b *testing.B) { // of what Create made, as far as there is any
				beside(b, func(ctx context.Context, i int) error {
					_, err := raw.delete.ExecContext(ctx, record(i+2, "", 0).ID.String())
					return err
				}, func(ctx context.Context, i int) error { return s.Delete(ctx, record(i+2, "", 0).ID) })
			})
		})
	}
}

// beside gives each call a deadline of its own, as core does.
func beside(b *testing.B, raw, store func(ctx context.Context, i int) error) {
	var raws, stores []time.Duration
	timed := func(times *[]time.Duration, i int, f func(context.Context, int) error) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		err := f(ctx, i)
		cancel()
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
