package gormtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/embeddedstores"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// session returns a record of a session that has not ended, in one namespace.
func session(n int, subject string) *driver.Record {
	rec := record(n, subject, 32)
	clear(rec.ID[16:])
	return rec
}

// living returns how many records of a subject are listed.
func living(t *testing.T, s *gormstore.Store, subject string) (ids []driver.ID) {
	t.Helper()
	for rec, err := range s.BySubject(t.Context(), subject) {
		must(t, err)
		ids = append(ids, rec.ID)
	}
	return ids
}

// rowsOf returns how many rows the table has.
func rowsOf(t *testing.T, db *gorm.DB, config gormstore.Config) (n int64) {
	t.Helper()
	must(t, db.Table(config.Table).Count(&n).Error)
	return n
}

// TestLimitAtEachIsolation: the limit is exact, whatever isolation level the connections have. No row of a lock is left.
func TestLimitAtEachIsolation(t *testing.T) {
	options := map[string][]string{
		"PostgreSQL": {"&default_transaction_isolation=repeatable%20read", "&default_transaction_isolation=serializable"},
		"MariaDB":    {"&tx_isolation=%27READ-COMMITTED%27", "&tx_isolation=%27SERIALIZABLE%27"},
	}
	for _, e := range servers {
		for _, option := range options[e.name] {
			t.Run(e.name+option, func(t *testing.T) {
				p := e.database(t)
				config := p.fresh(t)
				dsn := p.dsn + option
				p.dialector = func() gorm.Dialector { return e.dialector(dsn) }
				db := p.open(t)
				s := [2]*gormstore.Store{newStore(t, db, config), newStore(t, p.open(t), config)}
				// Without a deadline, the store gives up after two seconds, too few for 50 that roll one another back.
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				for round := range 4 {
					subject := fmt.Sprint("user ", round)
					var wg sync.WaitGroup
					for i := range 50 {
						wg.Go(func() {
							limit := driver.Limit{Most: 3, Refuse: round%2 == 1}
							_, err := s[i%2].CreateLimited(ctx, session(1+100*round+i, subject), limit)
							if err != nil && !(limit.Refuse && errors.Is(err, driver.ErrLimit)) {
								t.Error(err)
							}
						})
					}
					wg.Wait()
					if n := len(living(t, s[0], subject)); n != 3 {
						t.Errorf("%d sessions, want 3", n)
					}
				}
				if n := rowsOf(t, db, config); n != 12 {
					t.Errorf("%d rows in the table, want 12", n)
				}
			})
		}
	}
}

// TestLimitWithOneConnection: a transaction uses one connection.
func TestLimitWithOneConnection(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			embeddedstores.CheckLimit(t, func(tb testing.TB) driver.Store {
				db := p.open(tb)
				pool, err := db.DB()
				must(tb, err)
				pool.SetMaxOpenConns(1)
				return newStore(tb, db, config)
			})
		})
	}
}

// TestLimitCutAtEveryByte cuts the connection after each byte of the replies. The session is there and the oldest gone,
// or nothing has changed, and a call that succeeds says what it has removed.
func TestLimitCutAtEveryByte(t *testing.T) {
	for _, e := range servers {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			db := p.open(t)
			s := newStore(t, db, config)
			ctx := t.Context()
			succeeded, failed := 0, 0
			for n := 0; n <= 420; n += *cutStep {
				subject := fmt.Sprint("user ", n)
				old, kept, rec := session(4*n+1, subject), session(4*n+2, subject), session(4*n+3, subject)
				old.Created = old.Created.Add(-time.Minute)
				must(t, s.Create(ctx, old))
				must(t, s.Create(ctx, kept))
				p.proxy.CutAfter(n)
				removed, err := s.CreateLimited(ctx, rec, driver.Limit{Most: 2})
				p.proxy.Heal()
				for deadline := time.Now().Add(patience); s.Ping(ctx) != nil; time.Sleep(5 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatal("does not recover")
					}
				}
				left := living(t, s, subject)
				done := slices.Contains(left, rec.ID)
				if len(left) != 2 || !slices.Contains(left, kept.ID) || done == slices.Contains(left, old.ID) {
					t.Fatalf("cut after %d bytes, %v: %d sessions are left", n, err, len(left))
				}
				switch {
				case err == nil && (!done || !slices.Equal(removed, []driver.ID{old.ID})):
					t.Errorf("cut after %d bytes: succeeded, removed %v; the session is there: %t", n, removed, done)
				case err == nil:
					succeeded++
				case !errors.Is(err, driver.ErrUnavailable):
					t.Errorf("cut after %d bytes: %v", n, err)
				default:
					failed++
				}
			}
			if succeeded == 0 {
				t.Error("no call was repeated with success")
			}
			t.Logf("%d calls succeeded, %d failed", succeeded, failed)
			if n := rowsOf(t, db, config); n != int64(2*(420 / *cutStep + 1)) {
				t.Errorf("%d rows in the table", n)
			}
		})
	}
}

// TestLimitRoundTrips: BEGIN, lock, read, insert, delete, COMMIT.
func TestLimitRoundTrips(t *testing.T) {
	for _, e := range servers {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			db := p.open(t)
			pool, err := db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1)
			s := newStore(t, db, config)
			for n := range 5 {
				_ = pool.Ping()
				p.proxy.ResetStats()
				removed, err := s.CreateLimited(t.Context(), session(n+1, "alice"), driver.Limit{Most: 2})
				must(t, err)
				if got := p.proxy.Stats().RoundTrips; n > 0 && got != 6 {
					t.Errorf("%d round trips, removed %d", got, len(removed))
				}
			}
		})
	}
}

// BenchmarkLimit is a CreateLimited of a user with five sessions, and a Create; BenchmarkCount a count of 100,000.
func BenchmarkLimit(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			p := e.database(b)
			config := p.fresh(b)
			s := newStore(b, p.open(b), config)
			var plain, limited time.Duration
			n := 0
			for b.Loop() {
				n++
				start := time.Now()
				must(b, s.Create(b.Context(), record(2*n, "bob", 261)))
				between := time.Now()
				_, err := s.CreateLimited(b.Context(), session(2*n+1, "alice"), driver.Limit{Most: 5})
				must(b, err)
				plain, limited = plain+between.Sub(start), limited+time.Since(between)
			}
			b.ReportMetric(float64(plain.Microseconds())/float64(n), "us-create")
			b.ReportMetric(float64(limited.Microseconds())/float64(n), "us-limited")
		})
	}
}

func BenchmarkCount(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			p := e.database(b)
			config := p.fresh(b)
			db := p.open(b)
			s := newStore(b, db, config)
			const rows, together = 100_000, 100
			until := time.Now().Add(time.Hour).UnixMicro()
			for n := 0; n < rows; n += together {
				var all []map[string]any
				for i := range together {
					id := session(n+i+1, "").ID.String()
					all = append(all, map[string]any{
						"id": id, "subject": []byte("user"), "label1": []byte{}, "label2": []byte{}, "label3": []byte{},
						"created_us": 0, "used_us": 0, "expires_us": until, "version": 1, "data": make([]byte, 261),
					})
				}
				must(b, db.Table(config.Table).Create(all).Error)
			}
			for b.Loop() {
				n, err := s.Count(b.Context(), [16]byte{})
				must(b, err)
				if n != rows {
					b.Fatal(n)
				}
			}
		})
	}
}
