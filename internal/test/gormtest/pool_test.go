package gormtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// TestOneConnection: an application with MaxOpenConns 1 has a transaction open.
func TestOneConnection(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			db := p.open(t)
			pool, err := db.DB()
			must(t, err)
			pool.SetMaxOpenConns(1)
			s := newStore(t, db, config)
			m := newManager(t, s)
			must(t, db.Exec("CREATE TABLE orders_"+e.name+" (n int)").Error)
			defer db.Exec("DROP TABLE orders_" + e.name)
			rec := record(1, "alice", 100)
			must(t, s.Create(t.Context(), rec))

			// A handler that ends its transaction before it answers.
			cookie := visit(t, m, "", func(sess *core.Session) {
				tx := db.Begin()
				must(t, tx.Exec("INSERT INTO orders_"+e.name+" VALUES (1)").Error)
				must(t, count.Set(sess, 1))
				must(t, tx.Commit().Error)
			})
			if cookie == "" {
				t.Error("no session")
			}

			// A handler that keeps its transaction open waits for itself, until the deadline.
			tx := db.Begin()
			must(t, tx.Exec("INSERT INTO orders_"+e.name+" VALUES (2)").Error)
			for name, call := range map[string]func(context.Context) error{
				"Load":   func(ctx context.Context) error { _, err := s.Load(ctx, rec.ID); return err },
				"Update": func(ctx context.Context) error { r := *rec; return s.Update(ctx, &r) },
			} {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				start := time.Now()
				err := call(ctx)
				cancel()
				if took := time.Since(start); took > patience/2 {
					t.Errorf("%s took %v", name, took)
				}
				if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrNotFound) {
					t.Errorf("%s: %v", name, err)
				}
			}
			must(t, tx.Commit().Error)
			must(t, s.Update(t.Context(), rec))

			// A walk holds no connection while the loop's body runs.
			n := 0
			for found, err := range s.All(t.Context()) {
				must(t, err)
				_, err = s.Load(t.Context(), found.ID)
				must(t, err)
				n++
			}
			if n != 2 {
				t.Errorf("%d records", n)
			}
		})
	}
}

// TestClosedPool: the application has closed its database, and calls after that are outages.
func TestClosedPool(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			db := p.open(t)
			s := newStore(t, db, config)
			rec := record(1, "alice", 100)
			must(t, s.Create(t.Context(), rec))
			pool, err := db.DB()
			must(t, err)
			must(t, pool.Close())
			if _, err := s.Load(t.Context(), rec.ID); !errors.Is(err, driver.ErrUnavailable) {
				t.Errorf("Load: %v", err)
			}
			if err := s.Update(t.Context(), rec); !errors.Is(err, driver.ErrUnavailable) {
				t.Errorf("Update: %v", err)
			}
		})
	}
}

// TestBreaker: after the first few calls, a dead database costs next to no time, and the store notices by itself when
// it is back.
func TestBreaker(t *testing.T) {
	for _, e := range servers {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			config := p.fresh(t)
			s := newStore(t, p.open(t), config)
			rec := record(1, "alice", 100)
			must(t, s.Create(t.Context(), rec))
			load := func() error {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				_, err := s.Load(ctx, rec.ID)
				return err
			}
			p.proxy.Hang()
			for range 5 {
				if err := load(); !errors.Is(err, driver.ErrUnavailable) {
					t.Fatal(err)
				}
			}
			start := time.Now()
			for range 1000 {
				if err := load(); !errors.Is(err, driver.ErrUnavailable) {
					t.Fatal(err)
				}
			}
			// Asked each time, they would have waited for 100 seconds.
			if took := time.Since(start); took > patience/2 {
				t.Errorf("1000 calls with an open breaker took %v", took)
			}
			if !s.Breakers()["database"] {
				t.Errorf("Breakers: %v", s.Breakers())
			}
			p.proxy.Heal()
			start = time.Now()
			for load() != nil {
				if time.Since(start) > patience {
					t.Fatalf("not back after %v", patience)
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
}
