package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// arrangement is a way to start the shop, with the servers that it needs.
type arrangement struct {
	name  string
	start func(t *testing.T) (url string, store, cache *startserver.Server)

	noRestart bool // sessions end with the shop
	noList    bool // the store cannot find a user's sessions
	forgets   bool // sessions end with the store's server
}

var arrangements = []arrangement{
	{name: "memory", start: local("memory:"), noRestart: true},
	{name: "file", start: local("file:./kept")},
	{name: "cookie", start: local("cookie:?keys=env:SESSION_KEYS&revocations=file:./ended"), noList: true},
	{name: "sqlite", start: local("sqlite:shop.db")},
	{name: "sqlite behind memory", start: local("sqlite:shop.db?cache=memory:")},
	{name: "postgres", start: remote(postgresURL, nil)},
	{name: "mariadb", start: remote(mariadbURL, nil)},
	{name: "redis", start: remote(redisURL, nil), forgets: true},
	{name: "redis with a log", start: remote(loggedRedisURL, nil)},
	{name: "memcached", start: remote(memcachedURL, nil), forgets: true},
	{name: "postgres behind redis", start: remote(postgresURL, redisURL)},
	{name: "mariadb behind memcached", start: remote(mariadbURL, memcachedURL)},
}

type startFunc = func(t *testing.T) (url string, store, cache *startserver.Server)

func local(url string) startFunc {
	return func(*testing.T) (string, *startserver.Server, *startserver.Server) { return url, nil, nil }
}

type urlFunc = func(t *testing.T) (url string, server *startserver.Server)

func remote(store, cache urlFunc) startFunc {
	return func(t *testing.T) (string, *startserver.Server, *startserver.Server) {
		url, server := store(t)
		if cache == nil {
			return url, server, nil
		}
		cacheURL, cacheServer := cache(t)
		return behind(url, cacheURL), server, cacheServer
	}
}

// behind returns the URL of a store with a cache in front.
func behind(url, cacheURL string) string {
	if strings.Contains(url, "?") {
		return url + "&cache=" + cacheURL
	}
	return url + "?cache=" + cacheURL
}

func postgresURL(t *testing.T) (string, *startserver.Server) {
	s := startserver.Postgres(t)
	return urlOf(s), s
}

func urlOf(postgres *startserver.Server) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", postgres.User, postgres.Addr, postgres.Database)
}

func mariadbURL(t *testing.T) (string, *startserver.Server) {
	s := startserver.MariaDB(t)
	return fmt.Sprintf("mysql://%s@%s/%s", s.User, s.Addr, s.Database), s
}

func redisURL(t *testing.T) (string, *startserver.Server) {
	s := startserver.Redis(t)
	return "redis://" + s.Addr + "/0", s
}

func loggedRedisURL(t *testing.T) (string, *startserver.Server) {
	s := startserver.Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	return "redis://" + s.Addr + "/0", s
}

// memcachedURL is of two servers; the one returned is the first.
func memcachedURL(t *testing.T) (string, *startserver.Server) {
	s := startserver.Memcached(t)
	return "memcache://" + s.Addr + "," + startserver.Memcached(t).Addr, s
}
