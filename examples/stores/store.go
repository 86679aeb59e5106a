package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/examples/internal/shop"
)

const storeForms = `  memory                              in this process
  file:FOLDER                         a file each
  cookie                              encrypted, in the cookie itself
  sqlite:FILE                         SQLite
  postgres://USER:PASSWORD@HOST/NAME  PostgreSQL
  mysql://USER:PASSWORD@HOST/NAME     MySQL or MariaDB
  redis://HOST:PORT/0                 Redis; rediss:// with TLS
  memcache://HOST:PORT,HOST:PORT      memcached, on one server or many`

const cacheForms = `  redis://HOST:PORT/1
  memcache://HOST:PORT,HOST:PORT
  memory                              where the shop is one process`

// open opens the store of the flag -store and, if the flag -cache is set, puts that cache in front of it. A real
// application needs only the one line for its own store.
func open(storeName, cacheName string) (driver.Backend, error) {
	store, err := openStore(storeName)
	if err != nil {
		return nil, failed("-store", storeName, err)
	}
	if cacheName == "" {
		return store, nil
	}
	truth, ok := store.(driver.Store)
	if !ok {
		return nil, errors.Join(fmt.Errorf("-cache %q: -store %s keeps nothing on the server that a cache could hold", hidden(cacheName), storeName), closeStore(store))
	}
	cached, err := openCached(cacheName, truth)
	if err != nil {
		return nil, errors.Join(failed("-cache", cacheName, err), closeStore(store))
	}
	return cached, nil
}

var errForm = errors.New("no such form")

func openStore(name string) (driver.Backend, error) {
	kind, rest, _ := strings.Cut(name, ":")
	switch {
	case kind == "file", (kind == "memory" || kind == "cookie") && rest == "":
		return shop.OpenStore(name) // ../internal/shop/store.go
	case kind == "sqlite" && rest != "":
		return openSQLite(rest)
	case kind == "postgres" || kind == "postgresql":
		return openPostgres(name)
	case kind == "mysql":
		return openMySQL(name)
	case kind == "redis" || kind == "rediss":
		return openRedis(name, "shop:")
	case kind == "memcache":
		return openMemcache(name, "shop:")
	}
	return nil, errForm
}

func closeStore(store driver.Backend) error {
	if c, ok := store.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
