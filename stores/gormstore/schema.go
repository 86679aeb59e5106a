package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// remedy says what to do about an unusable table. Migrate changes no existing table.
const remedy = "alter the table, or drop it, which signs everybody out, and run gormstore.Migrate"

// check refuses a table that would lose sessions, cut values off or confuse sessions. After it, no value is too long
// for its column, so the server's mode (MySQL's sql_mode) does not matter.
func (t *table) check(ctx context.Context, pool *sql.DB) error {
	rows, err := pool.QueryContext(ctx, t.render("SELECT "+columns+" FROM [table] WHERE 1 = 0"))
	if err == nil {
		err = errors.Join(rows.Err(), rows.Close())
	}
	if err != nil {
		return fmt.Errorf("gormstore: table %s is missing, lacks a column or may not be read; "+
			"gormstore.Migrate creates a missing table, and its documentation has the SQL: %w", t.name, withAdvice(err))
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
			return fmt.Errorf("gormstore: table %s cannot hold sessions: "+t.render(c.problem), t.name, found)
		}
	}
	return nil
}

// warn writes to GORM's log about settings of the table that may be intended, and may be a mistake.
func (t *table) warn(ctx context.Context, pool *sql.DB) error {
	for _, c := range t.dialect.warnings {
		found, err := t.ask(ctx, pool, c.query)
		if err != nil {
			return err
		}
		if found != "" {
			t.db.Logger.Warn(ctx, fmt.Sprintf("gormstore: table %s: "+t.render(c.problem), t.name, found))
		}
	}
	return nil
}

// ask runs a query that returns one text. It returns "" if there is no row.
func (t *table) ask(ctx context.Context, pool *sql.DB, query string) (found string, err error) {
	err = pool.QueryRowContext(ctx, t.render(query)).Scan(&found)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("gormstore: check table %s: %w", t.name, withAdvice(err))
	}
	return found, nil
}

func (t *table) checkColumns(ctx context.Context, pool *sql.DB) error {
	var name, found string
	switch err := pool.QueryRowContext(ctx, t.render(t.dialect.columns)).Scan(&name, &found); {
	case err == nil:
		return fmt.Errorf("gormstore: table %s cannot hold sessions: column %s is %s, want %s: %s",
			t.name, name, found, t.definition(name), remedy)
	case !errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("gormstore: check the columns of table %s: %w", t.name, withAdvice(err))
	}
	return nil
}

// definition returns the SQL by which Migrate defines a column.
func (t *table) definition(column string) string {
	_, rest, _ := strings.Cut(t.dialect.create[0], "\t["+strings.ToLower(column)+"] ")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(line, ",")
}
