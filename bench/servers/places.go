package servers

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	_ "github.com/coatcheck-go/coatcheck/stores/cachedstore"
	_ "github.com/coatcheck-go/coatcheck/stores/cookiestore"
	_ "github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	_ "github.com/coatcheck-go/coatcheck/stores/memcachestore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
	_ "github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func init() {
	gormstore.Register(postgres.Open)
	gormstore.Register(sqlite.Open)
}

// A Place is where coatcheck keeps sessions, for the suites that compare its own stores.
type Place struct {
	Name string

	// Bytes is what the server holds, in memory or on its disk. nil: there is no server.
	Bytes func() (float64, error)

	url string
}

// Open opens its store. Closing that is the caller's.
func (p Place) Open() (driver.Backend, error) { return driver.Open(context.Background(), p.url) }

// Places are all that this machine has, each empty. stop removes their folders.
func (s *Set) Places() (list []Place, stop func(), err error) {
	env, stop, err := s.Env(peer.App{Store: "postgres"})
	if err != nil {
		return nil, nil, err
	}
	if err := s.Empty(); err != nil {
		stop()
		return nil, nil, err
	}
	keys := filepath.Join(env.Dir, "keys")
	if err := os.WriteFile(keys, []byte(keyring.Generate("k1").Reveal()), 0o600); err != nil {
		stop()
		return nil, nil, err
	}
	list = []Place{
		{Name: "memory", url: "memory:"},
		{Name: "cookie", url: "cookie:?revocations=memory:&keys=file:" + keys},
		{Name: "file", url: "file:" + filepath.Join(env.Dir, "files")},
		{Name: "sqlite", url: "sqlite:" + filepath.Join(env.Dir, "sessions.db")},
	}
	if env.Memcached != "" {
		list = append(list, Place{"memcached", func() (float64, error) { return memcachedBytes(env.Memcached) }, "memcache://" + env.Memcached})
	}
	if env.Redis != "" {
		list = append(list, Place{"redis", func() (float64, error) { return redisBytes(env.Redis) }, "redis://" + env.Redis + "/0"})
	}
	if env.Postgres != "" {
		list = append(list, Place{"postgres", func() (float64, error) { return postgresBytes(env.Postgres) }, env.Postgres})
	}
	return list, stop, nil
}

func redisBytes(addr string) (float64, error) {
	info, err := startserver.RedisCommand(addr, "INFO", "memory")
	if err != nil {
		return 0, err
	}
	return number(info, "used_memory:")
}

// Versions names the servers that run, for the notes of a suite.
func (s *Set) Versions() string {
	var list []string
	add := func(name, version string, err error) {
		if err != nil {
			version = err.Error()
		}
		list = append(list, name+" "+version)
	}
	if s.Memcached != nil {
		text, err := askMemcached(s.Memcached.Addr, "version")
		add("memcached", strings.TrimPrefix(strings.TrimSpace(text), "VERSION "), err)
	}
	if s.Redis != nil {
		info, err := startserver.RedisCommand(s.Redis.Addr, "INFO", "server")
		add("Redis", value(info, "redis_version:"), err)
	}
	if s.Postgres != nil {
		var version string
		err := askPostgres(s.postgresURL(s.Postgres.Database), "SHOW server_version", &version)
		add("PostgreSQL", version, err)
	}
	if list == nil {
		return "no servers"
	}
	return "servers: " + strings.Join(list, ", ")
}

// memcachedBytes counts the pages that items take, with what is free in them.
func memcachedBytes(addr string) (float64, error) {
	text, err := askMemcached(addr, "stats slabs")
	if err != nil {
		return 0, err
	}
	return number(text, "STAT total_malloced ")
}

// askMemcached returns the lines of the answer: one, or those before END.
func askMemcached(addr, command string) (string, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	var text strings.Builder
	lines := bufio.NewScanner(conn)
	for lines.Scan() && lines.Text() != "END" {
		text.WriteString(lines.Text() + "\n")
		if command == "version" {
			break
		}
	}
	return text.String(), lines.Err()
}

func postgresBytes(dsn string) (n float64, err error) {
	err = askPostgres(dsn, "SELECT pg_database_size(current_database())", &n)
	return n, err
}

func askPostgres(dsn, query string, into any) error {
	db, err := gorm.Open(postgres.Open(dsn), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return err
	}
	pool, err := db.DB()
	if err != nil {
		return err
	}
	defer pool.Close()
	return pool.QueryRow(query).Scan(into)
}

// number reads the number after label, which begins a line.
func number(text, label string) (float64, error) {
	digits := value(text, label)
	if digits == "" {
		return 0, fmt.Errorf("the server does not tell its %q", label)
	}
	return strconv.ParseFloat(digits, 64)
}

// value returns what follows label, which begins a line.
func value(text, label string) string {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, label); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}
