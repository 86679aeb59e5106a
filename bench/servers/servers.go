// Package servers starts what the Apps of package peer keep their sessions in: memcached, Redis
// and PostgreSQL, on loopback, each with a temporary folder.
package servers

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// Set is the servers that run. Those whose program is not installed are nil.
type Set struct {
	Redis, Memcached, Postgres *startserver.Server

	databases atomic.Int64
}

// Start starts the servers. The notes say which ones are missing, and why. stop ends them
// and removes their folders.
func Start() (set *Set, notes []string, stop func()) {
	set = &Set{}
	t := &tb{}
	note := func(f func()) {
		if err := try(f); err != nil {
			notes = append(notes, err.Error())
		}
	}
	note(func() { set.Redis = startserver.Redis(t) })
	note(func() { set.Memcached = startserver.Memcached(t, "-m", "2048") }) // a million sessions, none evicted
	// Every App has a pool of its own, and all of them may be open at once.
	note(func() { set.Postgres = startserver.Postgres(t, "-c", "max_connections=400") })
	return set, notes, t.cleanup
}

// Env returns what the App needs: a fresh folder and, over "postgres", a fresh database. Redis
// and memcached are shared by all Apps. The func removes the folder.
func (s *Set) Env(app peer.App) (peer.Env, func(), error) {
	dir, err := os.MkdirTemp("", "bench") // mode 0700
	if err != nil {
		return peer.Env{}, nil, err
	}
	env := peer.Env{Dir: dir}
	remove := func() { _ = os.RemoveAll(dir) }
	if s.Redis != nil {
		env.Redis = s.Redis.Addr
	}
	if s.Memcached != nil {
		env.Memcached = s.Memcached.Addr
	}
	if s.Postgres != nil && app.Store == "postgres" {
		name := fmt.Sprint("app", s.databases.Add(1))
		if err := s.createDatabase(name); err != nil {
			remove()
			return peer.Env{}, nil, err
		}
		env.Postgres = s.postgresURL(name)
	}
	return env, remove, nil
}

func (s *Set) postgresURL(database string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", s.Postgres.User, s.Postgres.Addr, database)
}

func (s *Set) createDatabase(name string) error {
	db, err := gorm.Open(postgres.Open(s.postgresURL(s.Postgres.Database)), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	return errors.Join(db.Exec("CREATE DATABASE "+name).Error, pool.Close())
}

// Empty removes all records from Redis and memcached.
func (s *Set) Empty() error {
	if s.Redis != nil {
		if _, err := startserver.RedisCommand(s.Redis.Addr, "FLUSHALL"); err != nil {
			return err
		}
	}
	if s.Memcached == nil {
		return nil
	}
	// A flush_all keeps the items, and their count, until somebody asks for them.
	s.Memcached.Kill()
	return try(func() { s.Memcached.Restart(&tb{}) })
}
