package gormstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// check refuses a table in which sessions would get lost or mixed up.
func (t *table) check(ctx context.Context, pool *sql.DB) error {
	if err := t.checkColumns(ctx, pool); err != nil {
		return fmt.Errorf("gormstore: table %s is not ready; run gormstore.Migrate or the SQL in its documentation: %w", t.name, err)
	}
	for _, c := range t.dialect.checks {
		var n int
		if err := pool.QueryRowContext(ctx, t.render(c.query)).Scan(&n); err != nil {
			return fmt.Errorf("gormstore: look at table %s: %w", t.name, err)
		}
		if n == 0 {
			return fmt.Errorf("gormstore: table %s will not do: %s", t.name, c.wrong)
		}
	}
	return nil
}

func (t *table) checkColumns(ctx context.Context, pool *sql.DB) error {
	rows, err := pool.QueryContext(ctx, t.render("SELECT "+columns+" FROM [table] WHERE 1 = 0"))
	if err != nil {
		return err
	}
	defer rows.Close()
	found, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	for _, c := range found {
		got, want := strings.ToUpper(c.DatabaseTypeName()), t.dialect.types[c.Name()]
		if got, _, _ = strings.Cut(got, "("); got != "" && want != nil && !slices.Contains(want, got) {
			return fmt.Errorf("column %s is of type %s, want %s", c.Name(), got, strings.Join(want, " or "))
		}
	}
	return rows.Err()
}
