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

// statement is one of the store's SQL statements.
type statement struct {
	text string
	stmt *sql.Stmt // nil: whether to prepare is left to the driver
	long bool      // it may run for long: a driver that can should stop it when the context ends
}

// statements are all SQL statements that the store sends after New.
type statements struct {
	load, version                                       statement
	insert, update, clear, touch, delete, deleteExpired statement
	expired, sweep                                      statement
	all, bySubject, byLabel                             statement
	lock, sessions, remove, count                       statement
}

// columns has the order of values and of row.dest.
const columns = "[id], [subject], [label1], [label2], [label3], [created_us], [used_us], [expires_us], [version], [data]"

func (t *table) statements() statements {
	const (
		record = "SELECT " + columns + " FROM [table]"
		live   = " AND [expires_us] > ?"
		this   = " WHERE [id] = ? AND [version] = ?" + live

		// A time stays if it is later than the first argument, else it becomes the second. The
		// SQL uses CASE because the function for the greater of two values differs between dialects. No
		// assignment reads a column that another one writes, because in MySQL it would read the new value.
		times = "[used_us] = CASE WHEN [used_us] > ? THEN [used_us] ELSE ? END, " +
			"[expires_us] = CASE WHEN [expires_us] > ? THEN [expires_us] ELSE ? END"
		update = "UPDATE [table] SET [data] = ?, [version] = [version] + 1, " + times
	)
	page := " ORDER BY [id]" + fmt.Sprintf(t.dialect.page, pageSize)
	named := func(column string) string {
		text := " AND " + column + " = ?"
		if t.dialect.partial {
			text += " AND length(" + column + ") > 0"
		}
		return text
	}
	by := func(column string) string { return record + " WHERE [id] > ?" + live + named(column) + page }
	part := func(column string) string { return "SELECT * FROM (" + by(column) + ") [part]" }
	rendered := func(template string) statement { return statement{text: t.render(template)} }
	const insert = "INSERT INTO [table] (" + columns + ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	all := statements{
		load:    rendered(record + " WHERE [id] = ?"),
		version: rendered("SELECT [version] FROM [table] WHERE [id] = ?" + live),

		insert: rendered(insert),
		update: rendered(update + this),
		clear:  rendered(update + ", [subject] = ?, [label1] = ?, [label2] = ?, [label3] = ?" + this),
		// The condition on the times is there because some databases count found rows, and others changed rows.
		touch:         rendered("UPDATE [table] SET " + times + this + " AND ([used_us] < ? OR [expires_us] < ?)"),
		delete:        rendered("DELETE FROM [table] WHERE [id] = ?"),
		deleteExpired: rendered("DELETE FROM [table] WHERE [id] = ? AND [expires_us] <= ?"),

		expired: rendered("SELECT [id], [expires_us] FROM [table] WHERE [expires_us] >= ? AND [expires_us] <= ? ORDER BY [expires_us]" +
			fmt.Sprintf(t.dialect.page, batchSize)),
		sweep: rendered("DELETE FROM [table] WHERE [expires_us] <= ? AND [id] IN (?" + strings.Repeat(", ?", batchSize-1) + ")"),

		all:       rendered(record + " WHERE [id] > ?" + live + page),
		bySubject: rendered(by("[subject]")),
		// Read a page from each index, and of these rows the first page. With OR in the condition, the
		// database's estimates would decide whether it reads the whole table instead.
		byLabel: rendered(part("[label1]") + " UNION ALL " + part("[label2]") + " UNION ALL " + part("[label3]") + page),

		count: rendered("SELECT COUNT(*) FROM [table] WHERE [expires_us] > ? AND [id] LIKE ?"),
	}
	all.count.long = true
	if t.dialect.limits {
		all.lock = rendered(insert + t.dialect.relock)
		all.sessions = rendered("SELECT [id], [created_us], substr([data], 2, 1) FROM [table] WHERE [expires_us] > ?" + named("[subject]"))
		all.remove = rendered("DELETE FROM [table] WHERE [id] IN (?" + strings.Repeat(", ?", removeBatch-1) + ")")
	}
	return all
}

var templateWord = regexp.MustCompile(`\[[a-z][a-z0-9_]*\]|\?`)

// render fills a template in: ? becomes the dialect's placeholder, and [word] a quoted name. [name] and [schema]
// become string literals. That is safe, because tableName allows no character that could end one.
func (t *table) render(template string) string {
	vars := &gorm.Statement{DB: t.db} // some dialects number placeholders by the length of Vars
	schema, name, found := strings.Cut(t.name, ".")
	if !found {
		schema, name = "", schema
	}
	return templateWord.ReplaceAllStringFunc(template, func(word string) string {
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
		&s.load, &s.version, &s.insert, &s.update, &s.clear, &s.touch, &s.delete, &s.deleteExpired,
		&s.expired, &s.sweep, &s.all, &s.bySubject, &s.byLabel, &s.lock, &s.sessions, &s.remove, &s.count,
	}
}

func (s *statements) prepare(ctx context.Context, pool *sql.DB) (err error) {
	for _, st := range s.each() {
		if st.text == "" { // of CreateLimited, where the database cannot do that
			continue
		}
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
