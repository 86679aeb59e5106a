package gormtest

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// TestPlans: a list by subject or by label reads only its indexes, however large the table is.
func TestPlans(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			const table, labelled = "planned_sessions", 250 // more than two pages
			db := e.database(t).open(t)
			must(t, db.Migrator().DropTable(table))
			must(t, gormstore.Migrate(db, gormstore.Config{Table: table}))
			fill(t, db, table, 20_000)
			must(t, db.Exec("UPDATE "+table+" SET expires_us = ?", time.Now().Add(time.Hour).UnixMicro()).Error)
			s := newStore(t, db, gormstore.Config{Table: table})
			for i := range labelled {
				rec := record(i, "alice", 32)
				rec.Labels = slices.Insert([]string{"other", "another"}, i%3, "label")
				must(t, s.Create(t.Context(), rec))
			}
			analyze := "ANALYZE "
			if e.name == "MariaDB" {
				analyze = "ANALYZE TABLE "
			}
			must(t, db.Exec(analyze+table).Error)

			subject, label := e.listTexts(t, table)
			usesOnly(t, table, explain(t, db, e, subject, 1, "alice"), "subject")
			usesOnly(t, table, explain(t, db, e, label, 3, "label"), "label1", "label2", "label3")

			found := map[string]int{}
			for rec, err := range s.ByLabel(t.Context(), "label") {
				must(t, err)
				found[rec.ID.String()]++
			}
			for id, n := range found {
				if n != 1 {
					t.Errorf("%s came %d times", id, n)
				}
			}
			if len(found) != labelled {
				t.Errorf("%d records of %d", len(found), labelled)
			}
		})
	}
}

func usesOnly(t *testing.T, table, plan string, indexes ...string) {
	t.Helper()
	for _, index := range indexes {
		if !strings.Contains(plan, table+"_"+index) {
			t.Errorf("the index by %s is not used:\n%s", index, plan)
		}
	}
	for _, other := range []string{"Seq Scan", "SCAN " + table, "autoindex", "_pkey", "|PRIMARY|64|", table + "|ALL"} {
		if strings.Contains(plan, other) {
			t.Errorf("%q is used, not only the index by %v:\n%s", other, indexes, plan)
		}
	}
}

// explain returns the database's plan for a page of a list, with one step on each line.
func explain(t *testing.T, db *gorm.DB, e engine, text string, parts int, name string) string {
	t.Helper()
	word := "EXPLAIN "
	if e.name == "SQLite" {
		word = "EXPLAIN QUERY PLAN "
	}
	pool, err := db.DB()
	must(t, err)
	args := slices.Repeat([]any{strings.Repeat("0", 64), time.Now().UnixMicro(), []byte(name)}, parts)
	rows, err := pool.QueryContext(t.Context(), word+text, args...)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	plan := new(strings.Builder)
	for rows.Next() {
		dest := make([]any, len(columns))
		for i := range dest {
			dest[i] = new(sql.NullString)
		}
		must(t, rows.Scan(dest...))
		for _, d := range dest {
			fmt.Fprint(plan, d.(*sql.NullString).String, "|")
		}
		fmt.Fprintln(plan)
	}
	must(t, rows.Err())
	return plan.String()
}

// listTexts returns the store's SQL to list by subject and by label.
func (e engine) listTexts(t *testing.T, table string) (subject, label string) {
	t.Helper()
	r := new(recorder)
	pool := sql.OpenDB(r)
	defer pool.Close()
	dialector := map[string]gorm.Dialector{
		"SQLite":     &sqlite.Dialector{Conn: pool},
		"PostgreSQL": postgres.New(postgres.Config{Conn: pool}),
		"MariaDB":    mysql.New(mysql.Config{Conn: pool, SkipInitializeWithVersion: true}),
	}[e.name]
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard, DisableAutomaticPing: true})
	must(t, err)
	s, err := gormstore.New(db, gormstore.Config{Table: table})
	must(t, err)
	defer s.Close()
	for _, err := range s.BySubject(t.Context(), "x") {
		must(t, err)
	}
	subject = r.last
	for _, err := range s.ByLabel(t.Context(), "x") {
		must(t, err)
	}
	return subject, r.last
}

// recorder is a database without rows that records the last query. To GORM's question for the version it answers 1.
type recorder struct{ last string }

func (r *recorder) Connect(context.Context) (sqldriver.Conn, error) { return recorderConn{r}, nil }
func (r *recorder) Driver() sqldriver.Driver                        { return nil }

type recorderConn struct{ *recorder }

func (c recorderConn) Prepare(text string) (sqldriver.Stmt, error) {
	return recorderStmt{c.recorder, text}, nil
}
func (recorderConn) Close() error                 { return nil }
func (recorderConn) Begin() (sqldriver.Tx, error) { return nil, errors.New("no transactions") }

type recorderStmt struct {
	recorder *recorder
	text     string
}

func (recorderStmt) Close() error  { return nil }
func (recorderStmt) NumInput() int { return -1 }

func (recorderStmt) Exec([]sqldriver.Value) (sqldriver.Result, error) {
	return sqldriver.RowsAffected(0), nil
}

func (s recorderStmt) Query([]sqldriver.Value) (sqldriver.Rows, error) {
	s.recorder.last = s.text
	return &recorderRows{number: strings.Contains(s.text, "version()")}, nil
}

type recorderRows struct{ number bool }

func (recorderRows) Columns() []string { return []string{"n"} }
func (recorderRows) Close() error      { return nil }

func (r *recorderRows) Next(dest []sqldriver.Value) error {
	if !r.number {
		return io.EOF
	}
	r.number, dest[0] = false, int64(1)
	return nil
}
