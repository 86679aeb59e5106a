package gormtest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// The second process is this test binary again. Environment variables tell it what to do.
const (
	childDSN    = "GORMTEST_DSN"
	childTable  = "GORMTEST_TABLE"
	childCookie = "GORMTEST_COOKIE"
	increments  = 64
)

func child() int {
	if err := increment(os.Getenv(childDSN), os.Getenv(childTable), os.Getenv(childCookie)); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func increment(dsn, table, cookie string) error {
	var dialector gorm.Dialector
	switch {
	case strings.HasPrefix(dsn, "postgres:"):
		dialector = postgres.Open(dsn)
	case strings.Contains(dsn, "@tcp("):
		dialector = mysql.Open(dsn)
	default:
		dialector = sqliteAt(dsn).dialector()
	}
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	store, err := gormstore.New(db, gormstore.Config{Table: table})
	if err != nil {
		return err
	}
	m, err := core.New(core.Config{Store: store, StoreTimeout: patience})
	if err != nil {
		return err
	}
	defer m.Close()
	for range increments {
		r, err := begin(m, cookie)
		if err != nil {
			return err
		}
		if r.s.IsNew() {
			return fmt.Errorf("the session is gone")
		}
		if err := count.Update(r.s, func(n int) int { return n + 1 }); err != nil {
			return err
		}
		if _, err := r.respond(); err != nil {
			return err
		}
	}
	return nil
}

func TestSecondProcess(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			const table = "shared_sessions"
			p := e.database(t)
			db := p.open(t)
			must(t, db.Migrator().DropTable(table))
			must(t, gormstore.Migrate(db, gormstore.Config{Table: table}))
			m := newManager(t, newStore(t, db, gormstore.Config{Table: table}))
			cookie := visit(t, m, "", func(s *core.Session) { must(t, count.Set(s, 0)) })

			cmd := exec.Command(os.Args[0], "-test.run=^$")
			cmd.Env = append(os.Environ(), childDSN+"="+p.dsn, childTable+"="+table, childCookie+"="+cookie)
			out := new(strings.Builder)
			cmd.Stdout, cmd.Stderr = out, out
			must(t, cmd.Start())
			err := increment(p.dsn, table, cookie)
			if cerr := cmd.Wait(); cerr != nil {
				t.Errorf("the other process: %v: %s", cerr, out)
			}
			must(t, err)
			visit(t, m, cookie, func(s *core.Session) {
				if n, _ := count.Get(s); n != 2*increments {
					t.Errorf("%d increments by two processes made %d", 2*increments, n)
				}
			})
		})
	}
}
