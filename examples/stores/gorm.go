package main

import (
	"database/sql"
	"errors"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// openGorm is the same for every database. An application hands over the *gorm.DB that it has
// already: sessions are one more table in it, and with gormstore.New(db) all is done.
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
	// Makes the table if there is none. Whoever has migrations puts its SQL there instead.
	if err := gormstore.Migrate(db); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	store, err := gormstore.New(db)
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
