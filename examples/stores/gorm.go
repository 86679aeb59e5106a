package main

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// openGorm is the same for every database. An application passes the *gorm.DB that it has already, and calls Migrate
// and New. Sessions are one more table.
func openGorm(dialector gorm.Dialector) (*gormStore, error) {
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard}) // Open returns the error that it would log
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	// By default 2 idle connections are kept. With more requests at once, most would dial a new one.
	pool.SetMaxOpenConns(32)
	pool.SetMaxIdleConns(32)
	// Migrate makes the table if there is none. If you manage migrations yourself, use the SQL of Migrate's
	// documentation.
	if err := gormstore.Migrate(db, gormstore.Config{}); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	store, err := gormstore.New(db, gormstore.Config{})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &gormStore{store, pool}, nil
}

// gormStore also closes the database. gormstore leaves that to the application.
type gormStore struct {
	*gormstore.Store
	pool *sql.DB
}

// Close implements io.Closer.
func (s *gormStore) Close() error { return errors.Join(s.Store.Close(), s.pool.Close()) }
