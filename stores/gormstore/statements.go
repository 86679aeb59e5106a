package gormstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gorm.io/gorm"
)

const (
	pageSize  = 100 // records of a walk that are in memory at a time
	batchSize = 50  // rows that Sweep deletes at a time
)

// statement is one SQL statement of the store's.
type statement struct {
	text string
	stmt *sql.Stmt // nil: the driver prepares, or does not, by itself
}

// statements are all that the store ever says.
type statements struct {
	load, version                              statement
	insert, update, clear, touch, delete, bury statement
	dead, sweep                                statement
	all, bySubject, byLabel                    statement
}

// columns are in the order of values and of row.dest.
const columns = "[id], [subject], [label1], [label2], [label3], [created_us], [used_us], [expires_us], [version], [data]"

func (t *table) statements() statements {
	const (
		record = "SELECT " + columns + " FROM [table]"
		live   = " AND [expires_us] > ?"
		this   = " WHERE [id] = ? AND [version] = ?" + live

		// A time stays if it is later than the first argument, else it becomes the second. (The
		// greater of two has another name in each dialect.) No assignment reads a column that
		// another one writes: MySQL would show it the new value.
		times = "[used_us] = CASE WHEN [used_us] > ? THEN [used_us] ELSE ? END, " +
			"[expires_us] = CASE WHEN [expires_us] > ? THEN [expires_us] ELSE ? END"
		update = "UPDATE [table] SET [data] = ?, [version] = [version] + 1, " + times
	)
	page := " ORDER BY [id]" + fmt.Sprintf(t.dialect.page, pageSize)
	by := func(column string) string {
		text := record + " WHERE [id] > ?" + live + " AND " + column + " = ?"
		if t.dialect.partial {
			text += " AND length(" + column + ") > 0"
		}
		return text + page
	}
	part := func(column string) string { return "SELECT * FROM (" + by(column) + ") [part]" }
	say := func(text string) statement { return statement{text: t.render(text)} }
	return statements{
		load:    say(record + " WHERE [id] = ?" + live),
		version: say("SELECT [version] FROM [table] WHERE [id] = ?" + live),

		insert: say("INSERT INTO [table] (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
		update: say(update + this),
		clear:  say(update + ", [subject] = ?, [label1] = ?, [label2] = ?, [label3] = ?" + this),
		// Only if it changes something: some databases count changed rows, others those found.
		touch:  say("UPDATE [table] SET " + times + this + " AND ([used_us] < ? OR [expires_us] < ?)"),
		delete: say("DELETE FROM [table] WHERE [id] = ?"),
		bury:   say("DELETE FROM [table] WHERE [id] = ? AND [expires_us] <= ?"),

		dead: say("SELECT [id], [expires_us] FROM [table] WHERE [expires_us] >= ? AND [expires_us] <= ? ORDER BY [expires_us]" +
			fmt.Sprintf(t.dialect.page, batchSize)),
		sweep: say("DELETE FROM [table] WHERE [expires_us] <= ? AND [id] IN (?" + strings.Repeat(", ?", batchSize-1) + ")"),

		all:       say(record + " WHERE [id] > ?" + live + page),
		bySubject: say(by("[subject]")),
		// A page of each index, and of these the first rows: a condition with OR would leave it to
		// the database's estimates whether it reads the table instead.
		byLabel: say(part("[label1]") + " UNION ALL " + part("[label2]") + " UNION ALL " + part("[label3]") + page),
	}
}

var token = regexp.MustCompile(`\[[a-z][a-z0-9_]*\]|\?`)

// render puts the dialect's placeholders and quoted names into a template. [name] and
// [schema] are literals: the name pattern of a table has nothing that could end one.
func (t *table) render(template string) string {
	vars := &gorm.Statement{DB: t.db} // some dialects number their placeholders by it
	schema, name, found := strings.Cut(t.name, ".")
	if !found {
		schema, name = "", schema
	}
	return token.ReplaceAllStringFunc(template, func(word string) string {
		var b strings.Builder
		switch {
		case word == "?":
			vars.Vars = append(vars.Vars, nil)
			t.db.Dialector.BindVarTo(&b, vars, nil)
		case word == "[table]":
			t.db.Dialector.QuoteTo(&b, t.name)
		case word == "[name]":
			return "'" + name + "'"
		case word == "[schema]":
			if schema == "" {
				return "NULL"
			}
			return "'" + schema + "'"
		case strings.HasPrefix(word, "[index_"):
			t.db.Dialector.QuoteTo(&b, name+strings.Trim(strings.TrimPrefix(word, "[index"), "]"))
		default:
			t.db.Dialector.QuoteTo(&b, strings.Trim(word, "[]"))
		}
		return b.String()
	})
}

func (s *statements) each() []*statement {
	return []*statement{
		&s.load, &s.version, &s.insert, &s.update, &s.clear, &s.touch, &s.delete, &s.bury,
		&s.dead, &s.sweep, &s.all, &s.bySubject, &s.byLabel,
	}
}

func (s *statements) prepare(ctx context.Context, pool *sql.DB) (err error) {
	for _, st := range s.each() {
		if st.stmt, err = pool.PrepareContext(ctx, st.text); err != nil {
			return errors.Join(err, s.close())
		}
	}
	return nil
}

func (s *statements) close() (err error) {
	for _, st := range s.each() {
		if st.stmt != nil {
			err = errors.Join(err, st.stmt.Close())
		}
	}
	return err
}
