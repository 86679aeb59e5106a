package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/inspect"
)

// Inspect implements driver.Inspector: the database and its version, the setting that decides what a crash may undo,
// what New warns of, the columns that have no index, and the clock of a database that is a server. Of other databases
// than PostgreSQL, MySQL, MariaDB and SQLite it knows the name only.
func (s *Store) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	if err := s.Ping(ctx); err != nil {
		return nil, err
	}
	t, d := s.table, &s.table.dialect
	found = []driver.Finding{{Name: "database", Value: t.db.Dialector.Name()}}
	for _, f := range d.inspect {
		text, err := s.ask(ctx, f.query)
		if err != nil {
			return found, err
		}
		if text != "" {
			found = append(found, driver.Finding{Name: f.name, Value: text})
		}
	}
	for _, inspect := range []func(context.Context) (driver.Finding, error){s.inspectTable, s.inspectIndexes, s.inspectClock} {
		f, err := inspect(ctx)
		if err != nil {
			return found, err
		}
		if f.Name != "" {
			found = append(found, f)
		}
	}
	return found, nil
}

// ask is table.ask under the store's rules for calls.
func (s *Store) ask(ctx context.Context, query string) (text string, err error) {
	err = s.row(ctx, "inspect", &statement{text: s.table.render(query)}, nil, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, err
}

func (s *Store) inspectTable(ctx context.Context) (driver.Finding, error) {
	f := driver.Finding{Name: "table", Value: s.table.name}
	for _, c := range s.table.dialect.warnings {
		text, err := s.ask(ctx, c.query)
		if err != nil {
			return f, err
		}
		if text != "" {
			f.Value += ", " + text
			f.Warning = fmt.Sprintf(s.table.render(c.problem), text)
		}
	}
	return f, nil
}

// inspectIndexes names the columns that no index begins with. An application without labels may do without theirs.
func (s *Store) inspectIndexes(ctx context.Context) (f driver.Finding, err error) {
	if s.table.dialect.indexed == "" {
		return f, nil
	}
	text, err := s.ask(ctx, s.table.dialect.indexed)
	if err != nil {
		return f, err
	}
	indexed := strings.Split(strings.ToLower(text), ",")
	var missing []string
	for _, column := range []string{"subject", "label1", "label2", "label3", "expires_us"} {
		if !slices.Contains(indexed, column) {
			missing = append(missing, column)
		}
	}
	f = driver.Finding{Name: "indexes", Value: "all five"}
	if len(missing) > 0 {
		f.Value = "none on " + strings.Join(missing, ", ")
	}
	if slices.Contains(missing, "subject") || slices.Contains(missing, "expires_us") {
		f.Warning = "without it, a search for a user's sessions or a sweep reads the whole table: run gormstore.Migrate, or the SQL in its documentation"
	}
	return f, nil
}

func (s *Store) inspectClock(ctx context.Context) (f driver.Finding, err error) {
	if s.table.dialect.clock == "" {
		return f, nil
	}
	var micros int64
	sent := s.now()
	if err := s.row(ctx, "inspect", &statement{text: s.table.dialect.clock}, nil, &micros); err != nil {
		return f, err
	}
	return inspect.Clock("clock", time.UnixMicro(micros), 0, sent, s.now()), nil
}
