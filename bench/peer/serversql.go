package peer

import (
	"context"
	"path/filepath"
	"strconv"
	"time"

	scsgorm "github.com/alexedwards/scs/gormstore"
	"github.com/alexedwards/scs/v2"
	"github.com/gin-contrib/sessions"
	gingorm "github.com/gin-contrib/sessions/gorm"
	"github.com/glebarez/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// dialects open an App's database.
var dialects = map[string]func(Env) (gorm.Dialector, error){
	"sqlite": func(env Env) (gorm.Dialector, error) {
		return sqlite.Open(filepath.Join(env.Dir, "sessions.db") +
			"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)"), nil
	},
	"postgres": func(env Env) (gorm.Dialector, error) {
		return postgres.Open(env.Postgres), need(env.Postgres, "postgres")
	},
}

func init() {
	for _, dialect := range []string{"sqlite", "postgres"} {
		for _, framework := range []string{"net/http", "gin"} {
			All = append(All, onServer(func(env Env) (driver.Backend, func(), error) {
				db, stop, err := OpenSQL(dialect, env)
				if err != nil {
					return nil, nil, err
				}
				if err := gormstore.Migrate(db, gormstore.Config{}); err != nil {
					stop()
					return nil, nil, err
				}
				store, err := gormstore.New(db, gormstore.Config{})
				return store, stop, err
			}, func(open func(Env) (driver.Backend, error)) App { return coatcheckApp(framework, dialect, open) }))
		}
		All = append(All,
			scsApp(dialect, func(env Env) (scs.Store, func(), error) { return scsGORM(dialect, env) }),
			onServer(func(env Env) (sessions.Store, func(), error) {
				db, stop, err := OpenSQL(dialect, env)
				if err != nil {
					return nil, nil, err
				}
				return gingorm.NewStore(db, false, authKey), stop, nil
			}, func(open func(Env) (sessions.Store, error)) App { return ginContribApp(dialect, open) }),
			rawApp(dialect, func(env Env) (rawStore, error) { return rawSQL(dialect, env) }),
		)
	}
}

// OpenSQL opens the database of an App over "sqlite" or "postgres". The pool is the same for
// every library: with database/sql's own limit of two idle connections a busy one
// would dial all the time.
func OpenSQL(store string, env Env) (*gorm.DB, func(), error) {
	dialect, err := dialects[store](env)
	if err != nil {
		return nil, nil, err
	}
	db, err := gorm.Open(dialect, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, nil, err
	}
	pool.SetMaxOpenConns(16)
	pool.SetMaxIdleConns(16)
	return db, func() { _ = pool.Close() }, nil
}

func scsGORM(dialect string, env Env) (scs.Store, func(), error) {
	db, stop, err := OpenSQL(dialect, env)
	if err != nil {
		return nil, nil, err
	}
	store, err := scsgorm.New(db)
	if err != nil {
		stop()
		return nil, nil, err
	}
	return store, func() {
		store.StopCleanup()
		stop()
	}, nil
}

// rawSQL prepares its two statements; GORM only opens the database.
func rawSQL(dialect string, env Env) (rawStore, error) {
	db, stop, err := OpenSQL(dialect, env)
	if err != nil {
		return rawStore{}, err
	}
	blob := map[string]string{"sqlite": "BLOB", "postgres": "bytea"}[dialect]
	if err := db.Exec("CREATE TABLE raw (id varchar(64) PRIMARY KEY, data " + blob + " NOT NULL)").Error; err != nil {
		stop()
		return rawStore{}, err
	}
	pool, _ := db.DB()
	get, err := pool.Prepare("SELECT data FROM raw WHERE id = $1")
	if err != nil {
		stop()
		return rawStore{}, err
	}
	set, err := pool.Prepare("INSERT INTO raw (id, data) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET data = excluded.data")
	if err != nil {
		stop()
		return rawStore{}, err
	}
	return rawStore{
		// With a deadline, as a request should have: without one SQLite answers in half the time.
		get: func(ctx context.Context) (data []byte, err error) {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			err = get.QueryRowContext(ctx, "raw").Scan(&data)
			return data, err
		},
		set: func(ctx context.Context, data []byte) error {
			ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
			defer cancel()
			// Other bytes each time, as a session has: SQLite does not write a page that stays as it was.
			data = strconv.AppendInt(make([]byte, 0, len(data)), time.Now().UnixNano(), 10)[:len(data)]
			_, err := set.ExecContext(ctx, "raw", data)
			return err
		},
		stop: stop,
	}, nil
}
