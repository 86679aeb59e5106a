// Package serverstores runs adaptertest.RunStore for all adapters but fiberv3session with the stores on servers:
// memcachestore, redisstore, gormstore on SQLite, PostgreSQL and MariaDB, and cachedstore with Redis over SQLite. See
// also internal/test/fiberv3stores. The adapters' own tests call adaptertest.Run. Other tests here count the round trips of requests, stop
// servers, and run two application servers whose caches know nothing of each other. The package is a module of its own,
// since adapters and stores never require one another.
//
// TESTS_SOAK=1 makes the tests of stopped servers long; "make soak" sets it.
package serverstores
