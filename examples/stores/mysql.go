package main

import (
	"cmp"
	"net"
	"net/url"
	"strings"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"
	"gorm.io/driver/mysql"
)

// openMySQL takes a URL, as the other stores do, for MySQL and MariaDB. The driver's own form is
// USER:PASSWORD@tcp(HOST:PORT)/NAME?timeout=2s, which gorm's mysql.Open takes as it is.
func openMySQL(name string) (*gormStore, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, err
	}
	config, err := mysqldriver.ParseDSN("/?" + u.RawQuery) // tls=true, for one
	if err != nil {
		return nil, err
	}
	config.Net, config.Addr = "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "3306"))
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.DBName = strings.TrimPrefix(u.Path, "/")
	// database/sql dials some connections without a deadline, and this driver then waits for ever for
	// the greeting of a server that hangs. ReadTimeout ends slow queries, too: give sessions a pool of
	// their own, as here, or choose one that is longer than any of yours.
	config.Timeout = cmp.Or(config.Timeout, 2*time.Second)
	config.ReadTimeout = cmp.Or(config.ReadTimeout, 3*time.Second)
	return openGorm(mysql.New(mysql.Config{DSNConfig: config}))
}
