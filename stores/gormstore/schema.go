package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// wayOut is what to do about a table that exists and will not do: Migrate changes none.
const wayOut = "alter the table, or drop it, which signs everybody out, and run gormstore.Migrate"

// check refuses a table in which sessions would get lost, be cut off or mixed up. The server's mode (MySQL's
// sql_mode) then does not matter: no value is too long for its column.
func (t *table) check(ctx context.Context, pool *sql.DB) error {
	rows, err := pool.QueryContext(ctx, t.render("SELECT "+columns+" FROM [table] WHERE 1 = 0"))
	if err == nil {
		err = errors.Join(rows.Err(), rows.Close())
	}
	if err != nil {
		return fmt.Errorf("gormstore: table %s is missing, lacks a column or may not be read; "+
			"gormstore.Migrate makes a missing one, and its documentation has the SQL: %w", t.name, explained(err))
	}
	if t.dialect.columns != "" {
		if err := t.checkColumns(ctx, pool); err != nil {
			return err
		}
	}
	for _, c := range t.dialect.checks {
		found, err := t.ask(ctx, pool, c.query)
		if err != nil {
			return err
		}
		if found != "" {
			return fmt.Errorf("gormstore: table %s will not do: "+t.render(c.wrong), t.name, found)
		}
	}
	return nil
}

// warn tells GORM's log of what somebody may want in a table, and may have by mistake.
func (t *table) warn(ctx context.Context, pool *sql.DB) error {
	for _, c := range t.dialect.warnings {
		found, err := t.ask(ctx, pool, c.query)
		if err != nil {
			return err
		}
		if found != "" {
			t.db.Logger.Warn(ctx, fmt.Sprintf("gormstore: table %s: "+t.render(c.wrong), t.name, found))
		}
	}
	return nil
}

// ask returns the answer to a query of one text, "" if there is no row.
func (t *table) ask(ctx context.Context, pool *sql.DB, query string) (found string, err error) {
	err = pool.QueryRowContext(ctx, t.render(query)).Scan(&found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("gormstore: look at table %s: %w", t.name, explained(err))
	}
	return found, nil
}

func (t *table) checkColumns(ctx context.Context, pool *sql.DB) error {
	var name, found string
	switch err := pool.QueryRowContext(ctx, t.render(t.dialect.columns)).Scan(&name, &found); {
	case err == nil:
		return fmt.Errorf("gormstore: table %s will not do: column %s is %s, want %s: %s",
			t.name, name, found, t.definition(name), wayOut)
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("gormstore: look at the columns of table %s: %w", t.name, explained(err))
	}
	return nil
}

// definition is how the table that Migrate makes defines a column.
func (t *table) definition(column string) string {
	_, rest, _ := strings.Cut(t.dialect.create[0], "\t["+strings.ToLower(column)+"] ")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(line, ",")
}
