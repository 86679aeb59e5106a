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

	// partial says that the indexes by subject and label leave out the empty ones. The
	// database must find that condition in a query to use them.
	partial bool

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

// columnTypes returns a dialect's types. Subject and labels are names; times and the version
// are numbers.
func columnTypes(id, name, number, data []string) map[string][]string {
	return map[string][]string{
		"id": id, "subject": name, "label1": name, "label2": name, "label3": name,
		"created_us": number, "used_us": number, "expires_us": number, "version": number, "data": data,
	}
}

// Subjects and labels are bytes, of which no collation makes others. Most sessions may be
// anonymous, and most of the others have no label. The indexes leave those out where they can.

var postgres = dialect{
	create: []string{
		`CREATE TABLE IF NOT EXISTS [table] (
	[id] char(64) COLLATE "C" PRIMARY KEY,
	[subject] bytea NOT NULL,
	[label1] bytea NOT NULL,
	[label2] bytea NOT NULL,
	[label3] bytea NOT NULL,
	[created_us] bigint NOT NULL,
	[used_us] bigint NOT NULL,
	[expires_us] bigint NOT NULL,
	[version] bigint NOT NULL,
	[data] bytea NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS [index_subject] ON [table] ([subject], [id]) WHERE length([subject]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_label1] ON [table] ([label1], [id]) WHERE length([label1]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_label2] ON [table] ([label2], [id]) WHERE length([label2]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_label3] ON [table] ([label3], [id]) WHERE length([label3]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_expires] ON [table] ([expires_us])`,
	},
	types: columnTypes([]string{"BPCHAR", "VARCHAR", "TEXT"}, []string{"BYTEA"}, []string{"INT8"}, []string{"BYTEA"}),
	checks: []check{{`SELECT count(*) FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = '[table]'::regclass AND i.indisprimary AND i.indnatts = 1 AND a.attname = 'id'`, noPrimaryKey}},
	page:    " LIMIT %d",
	partial: true,
}

var mysql = dialect{
	create: []string{`CREATE TABLE IF NOT EXISTS [table] (
	[id] char(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
	[subject] varbinary(255) NOT NULL,
	[label1] varbinary(255) NOT NULL,
	[label2] varbinary(255) NOT NULL,
	[label3] varbinary(255) NOT NULL,
	[created_us] bigint NOT NULL,
	[used_us] bigint NOT NULL,
	[expires_us] bigint NOT NULL,
	[version] bigint NOT NULL,
	[data] mediumblob NOT NULL,
	KEY [index_subject] ([subject], [id]),
	KEY [index_label1] ([label1], [id]),
	KEY [index_label2] ([label2], [id]),
	KEY [index_label3] ([label3], [id]),
	KEY [index_expires] ([expires_us])
) ENGINE=InnoDB`},
	types: columnTypes([]string{"CHAR", "VARCHAR"}, []string{"VARBINARY"}, []string{"BIGINT"}, []string{"BLOB", "MEDIUMBLOB", "LONGBLOB"}),
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
	[label1] BLOB NOT NULL,
	[label2] BLOB NOT NULL,
	[label3] BLOB NOT NULL,
	[created_us] INTEGER NOT NULL,
	[used_us] INTEGER NOT NULL,
	[expires_us] INTEGER NOT NULL,
	[version] INTEGER NOT NULL,
	[data] BLOB NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS [index_subject] ON [table] ([subject], [id]) WHERE length([subject]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_label1] ON [table] ([label1], [id]) WHERE length([label1]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_label2] ON [table] ([label2], [id]) WHERE length([label2]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_label3] ON [table] ([label3], [id]) WHERE length([label3]) > 0`,
		`CREATE INDEX IF NOT EXISTS [index_expires] ON [table] ([expires_us])`,
	},
	types:   columnTypes([]string{"TEXT", "CHAR", "VARCHAR"}, []string{"BLOB"}, []string{"INTEGER"}, []string{"BLOB"}),
	checks:  []check{{`SELECT count(*) = 1 AND max(name) = 'id' FROM pragma_table_info([name]) WHERE pk > 0`, noPrimaryKey}},
	page:    " LIMIT %d",
	partial: true,
	deaf:    true,
}
