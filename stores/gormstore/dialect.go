package gormstore

import (
	"database/sql"

	"gorm.io/gorm"
)

// dialect holds what differs between databases. The texts are templates: see render.
type dialect struct {
	// create are the statements that create the table and its indexes if they do not exist. None: AutoMigrate does it.
	create []string

	// columns finds the columns that would cut a value off or change it, and returns their names and types. "": no
	// check.
	columns string

	// checks find faults for which the table is refused.
	checks []check

	// warnings find settings that work but may be a mistake.
	warnings []check

	// inspect are texts for Inspect, by their names there. indexed has the columns that begin an index, with commas
	// between. clock has the server's time in microseconds since 1970.
	inspect []fact
	indexed string
	clock   string

	// page limits a SELECT to a number of rows.
	page string

	// partial says that the indexes by subject and label leave out empty values. The database
	// uses such an index only if the query states the same condition.
	partial bool

	// prepare says that the store must prepare its statements, or the driver prepares them again at each call.
	prepare bool

	// outlasts says that calls of the driver may outlast the context.
	outlasts bool

	// direct says that the drivers watch the context while they read, and that a row's values have the types that this
	// package needs.
	direct bool

	// queue says that one at a time writes, and that the database has no queue of those who wait.
	queue bool

	// limits says that an INSERT waits for the transaction that has inserted the same key, or for all others, and that
	// a query then sees what that has committed. isolation is the level that this needs.
	limits    bool
	isolation sql.IsolationLevel

	// relock follows the INSERT by which a transaction of CreateLimited locks out others.
	relock string

	// noSchema says that a table's name has no schema before it.
	noSchema bool
}

// check is a query that returns one text if there is a problem, and no row if there is none. problem is the error's
// format: it gets that text.
type check struct{ query, problem string }

// fact is a query that returns one text.
type fact struct{ name, query string }

const wrongKey = "its primary key is on %s, want id alone, so that no session is created twice: " + remedy

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

// Subjects and labels are bytes, so no collation changes or equates them. Most sessions may be anonymous, and most
// others have no label. Where the database can, the indexes leave those out.

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
	// format_type shows the length of char(64), the usual type of an id. A longer char would return IDs padded with
	// blanks. Before PostgreSQL 12, pg_collation has no column collisdeterministic.
	columns: `SELECT a.attname, format_type(a.atttypid, a.atttypmod) || coalesce(' COLLATE ' || c.collname, '')
FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = '[table]'::regclass AND NOT CASE
	WHEN a.attname = 'id' THEN (format_type(a.atttypid, a.atttypmod) IN ('character(64)', 'character varying', 'text')
		OR a.atttypid = 'varchar'::regtype AND a.atttypmod >= 64 + 4)
		AND coalesce(to_json(c) ->> 'collisdeterministic', 'true') = 'true'
	WHEN a.attname IN ('created_us', 'used_us', 'expires_us', 'version') THEN a.atttypid = 'int8'::regtype
	WHEN a.attname IN ('subject', 'label1', 'label2', 'label3', 'data') THEN a.atttypid = 'bytea'::regtype
	ELSE true END`,
	checks: []check{{`SELECT coalesce(names, 'nothing') FROM (
	SELECT string_agg(a.attname::text, ', ') AS names FROM pg_index i
	JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
	WHERE i.indrelid = '[table]'::regclass AND i.indisprimary
) k WHERE coalesce(names, '') <> 'id'`, wrongKey}},
	warnings: []check{{`SELECT 'UNLOGGED' FROM pg_class WHERE oid = '[table]'::regclass AND relpersistence = 'u'`,
		"it is %s, so a crash of PostgreSQL signs everybody out, and replicas lack its rows: ALTER TABLE [table] SET LOGGED"}},
	inspect: []fact{{"version", `SELECT current_setting('server_version')`}, {"synchronous_commit", `SELECT current_setting('synchronous_commit')`}},
	indexed: `SELECT coalesce(string_agg(a.attname::text, ','), '') FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = '[table]'::regclass AND i.indisvalid`,
	clock:   `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`,
	page:    " LIMIT %d",
	partial: true,
	direct:  true,
	limits:  true,
	// With a stricter level as the server's default, all queries of a transaction would see the state before its lock.
	isolation: sql.LevelReadCommitted,
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
	// With an empty sql_mode, a generated column accepts any value and keeps its own.
	columns: `SELECT column_name, trim(concat(column_type, coalesce(concat(' COLLATE ', collation_name), ''), ' ', extra))
FROM information_schema.columns
WHERE table_schema = coalesce([schema], database()) AND table_name = [name] AND NOT CASE
	WHEN extra LIKE '% GENERATED%' THEN column_name NOT IN ('id', 'subject', 'label1', 'label2', 'label3', 'created_us',
		'used_us', 'expires_us', 'version', 'data')
	WHEN column_name = 'id' THEN data_type IN ('char', 'varchar') AND character_maximum_length >= 64
		AND right(collation_name, 4) = '_bin'
	WHEN column_name IN ('created_us', 'used_us', 'expires_us', 'version')
		THEN data_type = 'bigint' AND column_type NOT LIKE '%unsigned%'
	WHEN column_name IN ('subject', 'label1', 'label2', 'label3')
		THEN data_type = 'varbinary' AND character_maximum_length >= 255
	WHEN column_name = 'data' THEN data_type IN ('mediumblob', 'longblob')
	ELSE true END`,
	checks: []check{
		{`SELECT 'off' FROM DUAL WHERE @@autocommit = 0`, "its connections have autocommit %s, so nothing would be committed: take that out of the DSN"},
		{`SELECT coalesce(names, 'nothing') FROM (
	SELECT group_concat(column_name, coalesce(concat('(', sub_part, ')'), '')) AS names FROM information_schema.statistics
	WHERE index_name = 'PRIMARY' AND table_schema = coalesce([schema], database()) AND table_name = [name]
) k WHERE coalesce(names, '') <> 'id'`, wrongKey},
		{`SELECT t.engine FROM information_schema.tables t JOIN information_schema.engines e ON e.engine = t.engine
WHERE e.transactions <> 'YES' AND t.table_schema = coalesce([schema], database()) AND t.table_name = [name]`,
			"its engine is %s, whose tables a crash may damage: ALTER TABLE [table] ENGINE=InnoDB"},
	},
	inspect: []fact{{"version", `SELECT version()`}, {"innodb_flush_log_at_trx_commit", `SELECT @@innodb_flush_log_at_trx_commit`}},
	indexed: `SELECT coalesce(group_concat(column_name), '') FROM information_schema.statistics
WHERE seq_in_index = 1 AND table_schema = coalesce([schema], database()) AND table_name = [name]`,
	clock:   `SELECT timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6))`,
	page:    " LIMIT %d",
	prepare: true,
	limits:  true,
	// A plain INSERT that waits gets a lock that it shares with others, and then they all wait for one another. At every
	// level, a transaction sees the state at its first query, which comes after its lock.
	relock: " ON DUPLICATE KEY UPDATE [version] = [version]",
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
	columns: `SELECT name, type FROM pragma_table_info([name]) WHERE NOT CASE
	WHEN name = 'id' THEN type LIKE '%TEXT%' OR type LIKE '%CHAR%'
	WHEN name IN ('created_us', 'used_us', 'expires_us', 'version') THEN type LIKE '%INT%'
	WHEN name IN ('subject', 'label1', 'label2', 'label3', 'data') THEN upper(type) = 'BLOB'
	ELSE true END
UNION ALL SELECT x.name, 'COLLATE ' || x.coll FROM pragma_index_list([name]) i, pragma_index_xinfo(i.name) x
WHERE i.origin = 'pk' AND x.name = 'id' AND x.coll <> 'BINARY'`,
	checks: []check{{`SELECT coalesce(names, 'nothing') FROM (
	SELECT group_concat(name, ', ') AS names FROM pragma_table_info([name]) WHERE pk > 0
) WHERE coalesce(names, '') <> 'id'`, wrongKey}},
	inspect:  []fact{{"version", `SELECT sqlite_version()`}, {"journal_mode", `PRAGMA journal_mode`}},
	indexed:  `SELECT coalesce(group_concat(x.name), '') FROM pragma_index_list([name]) i, pragma_index_info(i.name) x WHERE x.seqno = 0`,
	page:     " LIMIT %d",
	partial:  true,
	outlasts: true,
	queue:    true,
	limits:   true,
	noSchema: true,
}
