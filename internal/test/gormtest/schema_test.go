package gormtest

import (
	"context"
	"errors"
	"fmt"
	stdlog "log"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

var tableColumns = strings.Fields("id subject label1 label2 label3 created_us used_us expires_us version data")

// definition is the SQL of a table: its columns by name, and what follows them.
type definition struct {
	columns map[string]string
	key     string
	engine  string
}

// defined returns the table as Migrate's documentation has it for this engine.
func (e engine) defined() definition {
	types := map[string][4]string{ // id, names, numbers, data
		"SQLite":     {"TEXT", "BLOB", "INTEGER", "BLOB"},
		"PostgreSQL": {`char(64) COLLATE "C"`, "bytea", "bigint", "bytea"},
		"MariaDB":    {"char(64) CHARACTER SET ascii COLLATE ascii_bin", "varbinary(255)", "bigint", "mediumblob"},
	}[e.name]
	d := definition{columns: map[string]string{}, key: ", PRIMARY KEY (id)"}
	for _, column := range tableColumns {
		switch {
		case column == "id":
			d.columns[column] = types[0]
		case column == "data":
			d.columns[column] = types[3]
		case strings.HasSuffix(column, "_us") || column == "version":
			d.columns[column] = types[2]
		default:
			d.columns[column] = types[1]
		}
	}
	return d
}

func (d definition) create(tb testing.TB, db *gorm.DB, table string) {
	tb.Helper()
	var columns []string
	for _, column := range tableColumns {
		if d.columns[column] != "" {
			text := column + " " + d.columns[column]
			if !strings.Contains(text, " AS (") { // MariaDB takes no NOT NULL on a generated column
				text += " NOT NULL"
			}
			columns = append(columns, text)
		}
	}
	must(tb, db.Exec("CREATE TABLE "+table+" ("+strings.Join(columns, ", ")+d.key+")"+d.engine).Error)
	tb.Cleanup(func() { db.Exec("DROP TABLE " + table) })
}

// wrongTables are changes after which a table would lose sessions, cut values off or confuse sessions, with the words
// that New's error must contain.
func (e engine) wrongTables() map[string]struct {
	change func(*definition)
	words  string
} {
	type wrong = struct {
		change func(*definition)
		words  string
	}
	all := map[string]wrong{
		"no primary key":    {func(d *definition) { d.key = "" }, "id primary key"},
		"a wider key":       {func(d *definition) { d.key = ", PRIMARY KEY (id, version)" }, "id primary key"},
		"another key":       {func(d *definition) { d.key = ", PRIMARY KEY (version)" }, "id primary key"},
		"a key that is not": {func(d *definition) { d.key = ", PRIMARY KEY (version), UNIQUE (id, version)" }, "id primary key"},
	}
	for _, column := range tableColumns {
		all["without "+column] = wrong{func(d *definition) {
			delete(d.columns, column)
			if column == "id" {
				d.key = ""
			}
		}, column + " Migrate"}
		all[column+" as a date"] = wrong{func(d *definition) { d.columns[column] = "date" }, "column " + column + " date want alter drop"}
	}
	as := func(column, kind, words string) {
		all[column+" as "+kind] = wrong{func(d *definition) { d.columns[column] = kind }, "column " + column + " " + words + " want alter drop"}
	}
	numbers, names := tableColumns[5:9:9], tableColumns[1:5:5]
	switch e.name {
	case "SQLite":
		as("id", "TEXT COLLATE NOCASE", "NOCASE")
		as("id", "TEXT COLLATE RTRIM", "RTRIM")
		for _, column := range append(names, "data") {
			as(column, "TEXT", "TEXT")
		}
	case "PostgreSQL":
		as("id", "char(10)", "character(10) char(64)")
		as("id", "char(65)", "character(65) char(64)") // padded with a blank, it would be no ID
		as("id", "varchar(63)", "varying(63) char(64)")
		as("id", "varchar(64) COLLATE no_case", "no_case")
		for _, column := range numbers {
			as(column, "integer", "integer bigint")
			as(column, "double precision", "double bigint")
		}
		for _, column := range append(names, "data") {
			as(column, "varchar(255)", "varying bytea")
		}
	case "MariaDB":
		as("id", "char(10) COLLATE ascii_bin", "char(10) char(64)")
		as("id", "varchar(63) COLLATE ascii_bin", "varchar(63) char(64)")
		as("id", "char(64) COLLATE utf8mb4_general_ci", "utf8mb4_general_ci ascii_bin")
		for _, column := range numbers {
			as(column, "int", "int(11) bigint")
			as(column, "double", "double bigint")
			as(column, "bigint unsigned", "unsigned bigint")
		}
		for _, column := range names {
			as(column, "varbinary(254)", "varbinary(254) varbinary(255)")
			as(column, "varchar(255)", "varchar varbinary(255)")
			as(column, "binary(255)", "binary varbinary(255)")
		}
		as("data", "blob", "blob mediumblob")
		as("data", "varbinary(20000)", "varbinary mediumblob")
		as("data", "longtext", "longtext mediumblob")
		as("subject", "varbinary(255) AS ('eve') STORED", "GENERATED varbinary(255)")
		as("expires_us", "bigint AS (9000000000000000) VIRTUAL", "GENERATED bigint")
		for _, engine := range []string{"MyISAM", "Aria"} {
			all["in "+engine] = wrong{func(d *definition) { d.engine = " ENGINE=" + engine }, engine + " ENGINE=InnoDB ALTER"}
		}
	}
	return all
}

// TestNewRefusesWrongTables: New refuses a table that cannot hold sessions, and so does Migrate, which changes no
// existing table. MariaDB runs with an empty sql_mode, as some servers do: it would cut values off without an error.
func TestNewRefusesWrongTables(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			p := e.database(t)
			if e.name == "MariaDB" {
				dsn := p.dsn + "&sql_mode=%27%27"
				p.dialector = func() gorm.Dialector { return mysqlOpen(dsn) }
			}
			db := p.open(t)
			if e.name == "PostgreSQL" {
				must(t, db.Exec("CREATE COLLATION IF NOT EXISTS no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)").Error)
			}
			n := 0
			for name, wrong := range e.wrongTables() {
				t.Run(name, func(t *testing.T) {
					n++
					table := fmt.Sprintf("wrong_%d", n) // a new table for each: pgx caches types
					d := e.defined()
					wrong.change(&d)
					d.create(t, db, table)
					refused(t, db, gormstore.Config{Table: table}, table+" "+wrong.words)
					if err := gormstore.Migrate(db, gormstore.Config{Table: table}); err == nil {
						t.Error("Migrate accepts the table")
					}
				})
			}
			t.Run("right", func(t *testing.T) {
				e.defined().create(t, db, "right_table")
				must(t, gormstore.Migrate(db, gormstore.Config{Table: "right_table"}))
				largestNames(t, newStore(t, db, gormstore.Config{Table: "right_table"}))
			})
		})
	}
}

// largestNames fails unless the table keeps the longest subject and labels whole.
func largestNames(t *testing.T, s *gormstore.Store) {
	t.Helper()
	rec := record(1, strings.Repeat("\xff", driver.MaxSubject), 100_000)
	for _, c := range "abc" {
		rec.Labels = append(rec.Labels, strings.Repeat(string(c), driver.MaxSubject))
	}
	must(t, s.Create(t.Context(), rec))
	found, err := s.Load(t.Context(), rec.ID)
	must(t, err)
	if found.Subject != rec.Subject || fmt.Sprint(found.Labels) != fmt.Sprint(rec.Labels) || len(found.Data) != len(rec.Data) {
		t.Error("Load returns another record")
	}
	must(t, s.Delete(t.Context(), rec.ID))
}

// TestNewWarnsOfUnloggedTables: New accepts a table that a crash of PostgreSQL empties, because that may be intended,
// and warns in GORM's log.
func TestNewWarnsOfUnloggedTables(t *testing.T) {
	p := postgresAt(t)
	db := p.open(t)
	var log strings.Builder
	db.Logger = logger.New(stdlog.New(&log, "", 0), logger.Config{LogLevel: logger.Warn})
	config := gormstore.Config{Table: "unlogged_table"}
	must(t, gormstore.Migrate(db, config))
	defer db.Exec("DROP TABLE unlogged_table")
	newStore(t, db, config)
	if log.Len() > 0 {
		t.Errorf("a warning about a logged table: %s", &log)
	}

	must(t, db.Exec("ALTER TABLE unlogged_table SET UNLOGGED").Error)
	must(t, gormstore.Migrate(db, config))
	s := newStore(t, db, config)
	for _, word := range strings.Fields("gormstore unlogged_table UNLOGGED crash ALTER LOGGED") {
		if !strings.Contains(log.String(), word) {
			t.Errorf("the log lacks %q: %q", word, &log)
		}
	}
	if n := strings.Count(log.String(), "UNLOGGED"); n != 1 {
		t.Errorf("%d warnings: %s", n, &log)
	}
	if f := findings(t, s)["table"]; f.Value != "unlogged_table, UNLOGGED" || !strings.Contains(f.Warning, "SET LOGGED") {
		t.Errorf("Inspect found %+v", f)
	}
	rec := record(1, "alice", 100)
	must(t, s.Create(t.Context(), rec))
	must(t, loadErr(s, rec))
	p.server.Kill()
	p.server.Restart(t)
	if err := loadErr(newStore(t, p.open(t), config), rec); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("after a crash: %v", err)
	}
}

func loadErr(s *gormstore.Store, rec *driver.Record) error {
	_, err := s.Load(context.Background(), rec.ID)
	return err
}
