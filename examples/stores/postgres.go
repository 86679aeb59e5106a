package main

import (
	"net/url"

	"gorm.io/driver/postgres"
)

// openPostgres opens a URL of the form that pgx takes: postgres://USER:PASSWORD@HOST/NAME?sslmode=verify-full
func openPostgres(name string) (*gormStore, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, err
	}
	// database/sql dials some connections without a deadline. connect_timeout, in seconds, limits them.
	if q := u.Query(); !q.Has("connect_timeout") {
		q.Set("connect_timeout", "2")
		u.RawQuery = q.Encode()
	}
	return openGorm(postgres.Open(u.String()))
}
