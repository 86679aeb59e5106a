package core

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// OpenStore opens the store of a URL, so that a deployment chooses it and not the code:
//
//	memory:                                   in this process
//	file:./sessions                           a file each
//	cookie:?keys=env:SESSION_KEYS             sealed, in the cookie itself; &revocations=URL makes a sign-out final
//	sqlite:sessions.db                        SQLite
//	postgres://USER:PASSWORD@HOST/NAME        PostgreSQL
//	mysql://USER:PASSWORD@HOST/NAME           MySQL and MariaDB
//	redis://HOST:6379/0                       Redis; rediss:// with TLS
//	memcache://HOST:11211,HOST:11211          memcached
//
// The application imports the package of each store that it wants to offer, for its side effect; a missing import is an
// error that names it. For a database it calls gormstore.Register with its GORM driver.
//
// The options of a URL are the fields of the store's Config in small letters: "redis://localhost:6379/0?prefix=shop:".
// Every store but cookie: takes cache=URL, which puts a cache in front of it (package cachedstore), and from=URL, from which
// sessions are taken over (package crossingstore). A value with & in it is written with %26. create=false makes no folder,
// file or table.
//
// OpenStore takes at most 30 seconds. The storage must answer, and so must its cache. The error is one line and shows no
// password. It matches ErrUnavailable if the storage does not answer. The store is the caller's; Manager.Close closes it.
func OpenStore(ctx context.Context, url string) (driver.Backend, error) { return driver.Open(ctx, url) }
