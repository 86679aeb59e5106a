package gormtest

import (
	"context"
	"errors"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/glebarez/sqlite"
	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/internal/test/urltest"
	_ "github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
	_ "github.com/coatcheck-go/coatcheck/stores/memstore"
)

func init() {
	gormstore.Register(postgres.Open)
	gormstore.Register(mysql.Open)
	gormstore.Register(sqlite.Open)
}

func TestSQLiteURL(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a %")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	url := "sqlite:" + strings.NewReplacer("%", "%25", " ", "%20").Replace(dir) + "/s.db"
	urltest.Refused(t, map[string]string{
		url + "?create=false":       "there is no database at",
		url + "?max_open_conns=0":   "max_open_conns is 0, at least 1",
		url + "?max_open_conns=two": "option max_open_conns is a whole number",
		url + "?table=1x":           "Config.Table",
		"sqlite:":                   "is no sqlite:FILE",
		"sqlite::memory:":           "memory:",
		"sqlite:" + t.TempDir():     "must be a file, no folder",
		url + "?mode=memory":        "memory:", // and each connection has its own
		"sqlite:" + t.TempDir() + "/no/such/folder/s.db": "no such file",
	})
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("what is refused makes no file: %v, %v", left, err)
	}
	store := urltest.Open(t, url).(*gormstore.Store)
	info, err := os.Stat(filepath.Join(dir, "s.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "s.db-wal")); err != nil {
		t.Error("no WAL:", err)
	}
	keeps(t, store, url+"?create=false")
	keeps(t, urltest.Open(t, url+"?cache="+neturl.QueryEscape(url)).(driver.Store), url+"?create=false") // one file, and two tables
	urltest.Refused(t, map[string]string{
		url + "?create=false&table=other": "table other is missing",
	})
}

// keeps checks that what is created in store is there in a store that is opened by the URL.
func keeps(t *testing.T, store driver.Store, url string) {
	t.Helper()
	rec := driver.Record{ID: driver.ID{byte(time.Now().UnixNano()), 7, byte(len(url))}, Subject: "alice", Expires: time.Now().Add(time.Hour), Data: []byte("x")}
	if err := store.Create(t.Context(), &rec); err != nil {
		t.Fatal(err)
	}
	got, err := urltest.Open(t, url).(driver.Store).Load(t.Context(), rec.ID)
	if err != nil || string(got.Data) != "x" {
		t.Error(got, err)
	}
}

func TestPostgresURL(t *testing.T) {
	server := startserver.Postgres(t)
	admin := open(t, postgres.Open("postgres://postgres@"+server.Addr+"/postgres?sslmode=disable"))
	execute(t, admin, "CREATE ROLE shop LOGIN PASSWORD 'h@sh/hush'", "CREATE DATABASE shop OWNER shop",
		"CREATE ROLE guest LOGIN", "CREATE DATABASE empty", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	file := filepath.Join(server.Dir, "data", "pg_hba.conf")
	rules, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append([]byte("host all shop 127.0.0.1/32 scram-sha-256\n"), rules...), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	execute(t, admin, "SELECT pg_reload_conf()")
	urltest.Refused(t, map[string]string{"postgres:" + server.Addr + "/postgres": "is no postgres://USER", "postgres:": "is no postgres://USER"})
	for _, rest := range []string{"postgres?application_name=a#b&sslmode=nope", "postgres?sslmode=nope;application_name=a", "postgres#x?sslmode=nope"} {
		urltest.Refused(t, map[string]string{"postgres://postgres@" + server.Addr + "/" + rest: "sslmode is invalid"})
	}
	serverURL(t, "postgres", server.Addr, "?sslmode=disable&", "search_path=public", "connect_timeout=x")
}

func TestMySQLURL(t *testing.T) {
	server := startserver.MariaDB(t)
	admin := open(t, mysql.Open("root@tcp("+server.Addr+")/mysql"))
	execute(t, admin, "CREATE DATABASE shop", "CREATE DATABASE empty", "CREATE USER shop IDENTIFIED BY 'h@sh/hush'",
		"GRANT ALL ON shop.* TO shop", "CREATE USER guest", "GRANT SELECT ON empty.* TO guest")
	urltest.Open(t, "mysql://root@"+server.Addr+"/shop?time_zone='%2B00:00'&loc=Europe/Berlin&table=berlin")
	serverURL(t, "mysql", server.Addr, "?", "collation=utf8mb4_bin", "timeout=x")
}

func open(t *testing.T, dialector gorm.Dialector) *gorm.DB {
	t.Helper()
	db, err := gorm.Open(dialector, &gorm.Config{Logger: logger.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func execute(t *testing.T, db *gorm.DB, statements ...string) {
	t.Helper()
	for _, text := range statements {
		if err := db.Exec(text).Error; err != nil {
			t.Fatal(text, err)
		}
	}
}

// serverURL tests the URLs of a server with the user shop, who owns the database shop, and a guest, who may read in the
// database empty, at most.
func serverURL(t *testing.T, scheme, addr, query, right, wrong string) {
	t.Helper()
	const password = "h%40sh%2Fhush"
	url := scheme + "://shop:" + password + "@" + addr + "/shop" + query
	urltest.Refused(t, map[string]string{
		url + "create=false": "coatcheck_sessions is missing",
		url + wrong:          "coatcheck: open the store " + scheme + "://shop:xxxxx@" + addr,
		scheme + "://shop:hush@" + addr + "/shop" + query:               "the database refuses this user: check USER and PASSWORD",
		scheme + "://nobody:hush@" + addr + "/nosuch" + query:           "check",
		scheme + "://guest@" + addr + "/nosuch" + query:                 "check",
		scheme + "://guest@" + addr + "/empty" + query:                  "may not create tables",
		scheme + "://shop:" + password + "@" + addr + "/nosuch" + query: "check",
	})
	keeps(t, urltest.Open(t, url+"max_open_conns=3&"+right).(driver.Store), url+"create=false")
	keeps(t, urltest.Open(t, url+"table=others").(driver.Store), url+"table=others&create=false")
	keeps(t, urltest.Open(t, url+"cache=memory:").(driver.Store), url)
	_, err := driver.Open(t.Context(), scheme+"://shop:hush@"+startserver.DeadAddr(t)+"/shop"+query)
	if !errors.Is(err, driver.ErrUnavailable) || strings.Contains(err.Error(), "hush") {
		t.Error(err)
	}
}

// Open ends with its context also while somebody else locks the table.
func TestPostgresURLEndsWithContext(t *testing.T) {
	server := startserver.Postgres(t)
	url := "postgres://postgres@" + server.Addr + "/postgres?sslmode=disable"
	urltest.Open(t, url)
	tx := open(t, postgres.Open(url)).Begin()
	t.Cleanup(func() { tx.Rollback() })
	execute(t, tx, "LOCK TABLE coatcheck_sessions IN ACCESS EXCLUSIVE MODE")
	for _, option := range []string{"", "&create=false"} {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		began := time.Now()
		_, err := driver.Open(ctx, url+option)
		cancel()
		if took := time.Since(began); err == nil || took > 5*time.Second {
			t.Errorf("%q: %v after %v", option, err, took)
		}
		if !errors.Is(err, driver.ErrUnavailable) {
			t.Errorf("%q: %v is no outage", option, err)
		}
	}
}
