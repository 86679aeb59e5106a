package gormstore

import "gorm.io/gorm"

// dialect is what databases do not agree on. The texts are templates, see render.
type dialect struct {
	// create makes the table and its indexes, if need be. None: AutoMigrate does.
	create []string

	// types are the names that the driver may give a column's type. None: not checked.
	types map[string][]string

	// checks are questions whose answer must not be 0.
	checks []check

	// page ends a SELECT after so many rows.
	page string

	// indexed is the condition of a partial index by subject, which the
	// database must find in the query to use it.
	indexed string

	// prepare says that the driver would otherwise prepare anew for each call.
	prepare bool

	// deaf says that calls of the driver may outlast the context.
	deaf bool
}

// check is a query of one number, and what is wrong if that is 0.
type check struct{ query, wrong string }

const noPrimaryKey = "id is not its primary key"

func dialectOf(db *gorm.DB) dialect {
	switch db.Dialector.Name() {
	case "postgres":
		return postgres
	case "mysql":
		return mysql
	case "sqlite":
		return sqlite
	}
	return dialect{page: " OFFSET 0 ROWS FETCH NEXT %d ROWS ONLY"}
}

// Subjects are bytes, of which no collation makes others. Most sessions may be
// anonymous, which the index by subject leaves out where it can.

var postgres = dialect{
	create: []string{
		`CREATE TABLE IF NOT EXISTS [table] (
	[id] char(64) COLLATE "C" PRIMARY KEY,
	[subject] bytea NOT NULL,
	[created_us] bigint NOT NULL,
	[expires_us] bigint NOT NULL,
	[version] bigint NOT NULL,
	[data] bytea NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS [index_subject] ON [table] ([subject], [id]) WHERE length([subject]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_expires] ON [table] ([expires_us])`,
	},
	types: map[string][]string{
		"id": {"BPCHAR", "VARCHAR", "TEXT"}, "subject": {"BYTEA"}, "data": {"BYTEA"},
		"created_us": {"INT8"}, "expires_us": {"INT8"}, "version": {"INT8"},
	},
	checks: []check{{`SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = '[table]'::regclass AND i.indisprimary AND i.indnatts = 1 AND a.attname = 'id'`, noPrimaryKey}},
	page:    " LIMIT %d",
	indexed: " AND length([subject]) > 0",
}

var mysql = dialect{
	create: []string{`CREATE TABLE IF NOT EXISTS [table] (
	[id] char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	[subject] varbinary(255) NOT NULL,
	[created_us] bigint NOT NULL,
	[expires_us] bigint NOT NULL,
	[version] bigint NOT NULL,
	[data] mediumblob NOT NULL,
	KEY [index_subject] ([subject], [id]),
	KEY [index_expires] ([expires_us])
) ENGINE=InnoDB`},
	types: map[string][]string{
		"id": {"CHAR", "VARCHAR"}, "subject": {"VARBINARY"}, "data": {"BLOB", "MEDIUMBLOB", "LONGBLOB"},
		"created_us": {"BIGINT"}, "expires_us": {"BIGINT"}, "version": {"BIGINT"},
	},
	checks: []check{
		{`SELECT @@autocommit`, "its connections have autocommit off: nothing would be kept"},
		{`SELECT count(*) = 1 AND max(column_name) = 'id' FROM information_schema.statistics
WHERE index_name = 'PRIMARY' AND table_schema = coalesce([schema], database()) AND table_name = [name]`, noPrimaryKey},
		{`SELECT count(*) FROM information_schema.columns WHERE column_name = 'data' AND character_maximum_length > 1048576
AND table_schema = coalesce([schema], database()) AND table_name = [name]`, "data is shorter than a mediumblob"},
	},
	page:    " LIMIT %d",
	prepare: true,
}

var sqlite = dialect{
	create: []string{
		`CREATE TABLE IF NOT EXISTS [table] (
	[id] TEXT NOT NULL PRIMARY KEY,
	[subject] BLOB NOT NULL,
	[created_us] INTEGER NOT NULL,
	[expires_us] INTEGER NOT NULL,
	[version] INTEGER NOT NULL,
	[data] BLOB NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS [index_subject] ON [table] ([subject], [id]) WHERE length([subject]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_expires] ON [table] ([expires_us])`,
	},
	types: map[string][]string{
		"id": {"TEXT", "CHAR", "VARCHAR"}, "subject": {"BLOB"}, "data": {"BLOB"},
		"created_us": {"INTEGER"}, "expires_us": {"INTEGER"}, "version": {"INTEGER"},
	},
	checks:  []check{{`SELECT count(*) = 1 AND max(name) = 'id' FROM pragma_table_info([name]) WHERE pk > 0`, noPrimaryKey}},
	page:    " LIMIT %d",
	indexed: " AND length([subject]) > 0",
	deaf:    true,
}
