// Package serverstores runs adaptertest.RunStore for all four adapters with the stores on servers: memcachestore,
// redisstore, gormstore on SQLite, PostgreSQL and MariaDB, and cachedstore with Redis over
// SQLite; the adapters' own tests have adaptertest.Run. It also counts what requests cost on the wire, and has
// two application servers whose caches know nothing of each other. It is a module of its own, since adapters and
// stores never require one another.
//
// COATCHECK_SOAK=1 makes the tests of stopped servers long; "make soak" sets it.
package serverstores
