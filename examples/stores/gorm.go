package main

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// openGorm is the same for every database. An application hands over the *gorm.DB that it has
// already: sessions are one more table in it, and Migrate and New are all it takes.
func openGorm(dialector gorm.Dialector) (*gormStore, error) {
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard}) // it returns what it would log
	if err != nil {
		return nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	// The default keeps 2 connections: with more requests than that at once, most would dial.
	pool.SetMaxOpenConns(32)
	pool.SetMaxIdleConns(32)
	// Makes the table if there is none. If you manage migrations yourself, use the SQL of Migrate's documentation.
	if err := gormstore.Migrate(db, gormstore.Config{}); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	store, err := gormstore.New(db, gormstore.Config{})
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return &gormStore{store, pool}, nil
}

// gormStore closes the database, too, which gormstore leaves to the application.
type gormStore struct {
	*gormstore.Store
	pool *sql.DB
}

// Close implements io.Closer.
func (s *gormStore) Close() error { return errors.Join(s.Store.Close(), s.pool.Close()) }
