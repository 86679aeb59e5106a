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

// openMySQL opens MySQL and MariaDB by a URL, like the other stores. The driver's own form is
// USER:PASSWORD@tcp(HOST:PORT)/NAME?timeout=2s; gorm's mysql.Open takes that as it is.
func openMySQL(name string) (*gormStore, error) {
	u, err := url.Parse(name)
	if err != nil {
		return nil, err
	}
	config, err := mysqldriver.ParseDSN("/?" + u.RawQuery) // tls=true, for example
	if err != nil {
		return nil, err
	}
	config.Net, config.Addr = "tcp", net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "3306"))
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.DBName = strings.TrimPrefix(u.Path, "/")
	// database/sql dials some connections without a deadline. This driver then waits without end for the greeting of
	// a server that hangs. ReadTimeout ends slow queries, too: give sessions a pool of their own, as here, or choose
	// a ReadTimeout longer than any query of yours.
	config.Timeout = cmp.Or(config.Timeout, 2*time.Second)
	config.ReadTimeout = cmp.Or(config.ReadTimeout, 3*time.Second)
	return openGorm(mysql.New(mysql.Config{DSNConfig: config}))
}
