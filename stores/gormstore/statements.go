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
	load, version                       statement
	insert, update, touch, delete, bury statement
	dead, sweep                         statement
	all, bySubject                      statement
}

func (t *table) statements() statements {
	const (
		record = "SELECT [id], [subject], [created_us], [expires_us], [version], [data] FROM [table]"
		live   = " AND [expires_us] > ?"
	)
	page := " ORDER BY [id]" + fmt.Sprintf(t.dialect.page, pageSize)
	say := func(text string) statement { return statement{text: t.render(text)} }
	return statements{
		load:    say(record + " WHERE [id] = ?" + live),
		version: say("SELECT [version] FROM [table] WHERE [id] = ?" + live),

		insert: say("INSERT INTO [table] ([id], [subject], [created_us], [expires_us], [version], [data]) VALUES (?, ?, ?, ?, ?, ?)"),
		update: say("UPDATE [table] SET [subject] = ?, [expires_us] = ?, [data] = ?, [version] = [version] + 1 WHERE [id] = ? AND [version] = ?" + live),
		touch:  say("UPDATE [table] SET [expires_us] = ? WHERE [id] = ? AND [version] = ?" + live + " AND [expires_us] < ?"),
		delete: say("DELETE FROM [table] WHERE [id] = ?"),
		bury:   say("DELETE FROM [table] WHERE [id] = ? AND [expires_us] <= ?"),

		dead: say("SELECT [id], [expires_us] FROM [table] WHERE [expires_us] >= ? AND [expires_us] <= ? ORDER BY [expires_us]" +
			fmt.Sprintf(t.dialect.page, batchSize)),
		sweep: say("DELETE FROM [table] WHERE [expires_us] <= ? AND [id] IN (?" + strings.Repeat(", ?", batchSize-1) + ")"),

		all:       say(record + " WHERE [id] > ?" + live + page),
		bySubject: say(record + " WHERE [id] > ?" + live + " AND [subject] = ?" + t.dialect.indexed + page),
	}
}

var token = regexp.MustCompile(`\[[a-z_]+\]|\?`)

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
		switch word {
		case "?":
			vars.Vars = append(vars.Vars, nil)
			t.db.Dialector.BindVarTo(&b, vars, nil)
		case "[table]":
			t.db.Dialector.QuoteTo(&b, t.name)
		case "[name]":
			return "'" + name + "'"
		case "[schema]":
			if schema == "" {
				return "NULL"
			}
			return "'" + schema + "'"
		case "[index_subject]", "[index_expires]":
			t.db.Dialector.QuoteTo(&b, name+strings.Trim(strings.TrimPrefix(word, "[index"), "]"))
		default:
			t.db.Dialector.QuoteTo(&b, strings.Trim(word, "[]"))
		}
		return b.String()
	})
}

func (s *statements) each() []*statement {
	return []*statement{
		&s.load, &s.version, &s.insert, &s.update, &s.touch, &s.delete, &s.bury,
		&s.dead, &s.sweep, &s.all, &s.bySubject,
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
