package gormtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// TestPgBouncer: behind a PgBouncer in transaction mode, pgx's default loses its prepared statements. Each error says so
// and names the remedies, and the remedies work.
func TestPgBouncer(t *testing.T) {
	p := postgresAt(t)
	config := p.fresh(t)
	bouncer := startserver.PgBouncer(t, p.server)
	dsn := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&connect_timeout=%.0f", p.server.User, bouncer.Addr, p.server.Database, patience.Seconds())
	for mode, c := range []struct {
		name      string
		dialector gorm.Dialector
		works     bool
	}{
		{"default", postgres.Open(dsn), false},
		{"exec", postgres.Open(dsn + "&default_query_exec_mode=exec"), true},
		{"simple_protocol", postgres.Open(dsn + "&default_query_exec_mode=simple_protocol"), true},
		{"PreferSimpleProtocol", postgres.New(postgres.Config{DSN: dsn, PreferSimpleProtocol: true}), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var calls, failed atomic.Int64
			judge := func(err error) {
				calls.Add(1)
				if err == nil {
					return
				}
				failed.Add(1)
				if c.works || !strings.Contains(err.Error(), "PgBouncer") || !strings.Contains(err.Error(), "default_query_exec_mode=exec") {
					t.Error(err)
				}
			}
			for node := range 3 { // application servers
				db, err := gorm.Open(c.dialector, &gorm.Config{Logger: logger.Discard})
				must(t, err)
				pool, err := db.DB()
				must(t, err)
				defer pool.Close()
				s, err := gormstore.New(db, config)
				if judge(err); err != nil {
					continue
				}
				var wg sync.WaitGroup
				for i := range 8 {
					wg.Go(func() {
						for n := range 20 {
							rec := record(20*(8*(3*mode+node)+i)+n, "alice", 100)
							err := s.Create(t.Context(), rec)
							if judge(err); err != nil {
								if !errors.Is(err, driver.ErrUnavailable) {
									t.Error(err)
								}
								continue
							}
							_, err = s.Load(t.Context(), rec.ID)
							judge(err)
							judge(s.Update(t.Context(), rec))
							judge(s.Delete(t.Context(), rec.ID))
						}
					})
				}
				wg.Wait()
				judge(gormstore.Migrate(db, config))
			}
			t.Logf("%d of %d calls failed", failed.Load(), calls.Load())
		})
	}
}
