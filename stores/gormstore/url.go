package gormstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Register lets driver.Open open URLs with this GORM driver: postgres.Open of gorm.io/driver/postgres for postgres:// and
// postgresql://, mysql.Open of gorm.io/driver/mysql for mysql:// and mariadb://, and sqlite.Open of a driver for SQLite
// for sqlite:FILE. It panics for another database, and if the scheme is taken.
//
//	func init() { gormstore.Register(postgres.Open) }
//
// The options of such a URL are:
//
//   - table: [Config].Table. Default: "coatcheck_sessions";
//   - max_open_conns: the size of the pool of connections, which belongs to the store. Default: 32;
//   - create=false: the table must be there, since nobody calls [Migrate];
//   - any others are the driver's: sslmode=verify-full, tls=true, _pragma=cache_size(-20000).
//
// For PostgreSQL, connect_timeout is 2 (seconds) if the URL does not say otherwise. For MySQL, timeout is 2s and readTimeout
// 3s, which ends slow queries, too. SQLite's file is made with mode 0600, and used as the package's comment says.
func Register(open func(dsn string) gorm.Dialector) {
	schemes := map[string][]string{
		"postgres": {"postgres", "postgresql"},
		"mysql":    {"mysql", "mariadb"},
		"sqlite":   {"sqlite"},
	}
	name := open("").Name()
	if schemes[name] == nil {
		panic("gormstore: Register: there is no URL for the database " + strconv.Quote(name) + ": pass your *gorm.DB to New")
	}
	for _, scheme := range schemes[name] {
		driver.Register(scheme, func(ctx context.Context, u *driver.URL) (driver.Backend, error) {
			return openURL(ctx, u, name, open)
		})
	}
}

// dsns make the driver's data source name of a URL.
var dsns = map[string]func(*driver.URL) (string, error){
	"postgres": postgresDSN,
	"mysql":    mysqlDSN,
	"sqlite":   sqliteDSN,
}

func openURL(ctx context.Context, u *driver.URL, database string, open func(dsn string) gorm.Dialector) (driver.Backend, error) {
	var config Config
	conns := 32
	if u.Cache {
		config.Table = "coatcheck_cache"
	}
	u.Option("table", &config.Table)
	u.Option("max_open_conns", &conns)
	dsn, err := dsns[database](u)
	if err == nil {
		err = u.Check()
	}
	if err == nil && conns < 1 {
		err = fmt.Errorf("option max_open_conns is %d, at least 1", conns)
	}
	if err == nil {
		_, err = newTable(&gorm.DB{Config: &gorm.Config{Dialector: open("")}}, config)
	}
	if err == nil && database == "sqlite" { // after all checks: what is refused makes no file
		err = makeFile(u)
	}
	if err != nil {
		return nil, err
	}
	db, err := gorm.Open(open(dsn), &gorm.Config{Logger: logger.Discard}) // Open returns the error that it would log
	if err != nil {
		return nil, refused(err)
	}
	pool, err := db.DB()
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns) // by default 2 are kept, and with more requests at once most would dial
	store, err := openTable(ctx, db, config, u.Create)
	if err != nil {
		return nil, errors.Join(refused(err), pool.Close())
	}
	store.owned = pool
	return store, nil
}

func openTable(ctx context.Context, db *gorm.DB, config Config, create bool) (*Store, error) {
	if create {
		if err := migrate(ctx, db, config); err != nil {
			return nil, err
		}
	}
	return newStore(ctx, db.Session(&gorm.Session{Logger: logger.Default}), config) // it warns there
}

// refused adds what to do to an error of a database that could not be opened.
func refused(err error) error {
	state, _ := sqlState(err)
	n, _ := number(err)
	switch {
	case state == "28P01", state == "28000", n == 1045, n == 1698:
		return fmt.Errorf("the database refuses this user: check USER and PASSWORD in the URL (a special character of a password is written as %%40 for @, %%2F for /): %w", err)
	case n&0xff == 14 && n < 1000: // SQLITE_CANTOPEN, of which drivers say "out of memory"
		return fmt.Errorf("SQLite cannot open it: it must be a file, no folder, and this user must be able to read and write it and its folder: %w", err)
	case state == "3D000", n == 1049:
		return fmt.Errorf("the server has no such database: create it, or correct the name after the host: %w", err)
	case state == "42501", n == 1044, n == 1142:
		return fmt.Errorf("the user may not do that there: grant SELECT, INSERT, UPDATE and DELETE on the table, and create it with the SQL of gormstore.Migrate: %w", err)
	}
	if state == "" && n == 0 && !errors.Is(err, driver.ErrUnavailable) {
		if network := net.Error(nil); errors.As(err, &network) || errors.Is(err, os.ErrDeadlineExceeded) {
			return driver.Unavailable("no server answers there", err)
		}
	}
	return err
}

func postgresDSN(u *driver.URL) (string, error) {
	if !strings.HasPrefix(u.Rest, "//") { // the driver would take a server of its own choice
		return "", fmt.Errorf("is no %s://USER:PASSWORD@HOST:PORT/DATABASE", u.Scheme)
	}
	query := u.Others()
	if !strings.Contains(query, "connect_timeout=") {
		query = strings.TrimPrefix(query+"&connect_timeout=2", "&")
	}
	return u.Scheme + ":" + strings.ReplaceAll(u.Rest, "#", "%23") + "?" + query, nil // after a # the driver reads no options
}

// mysqlDSN returns user:password@tcp(host:port)/name?options, in which nothing but the name is escaped.
func mysqlDSN(u *driver.URL) (string, error) {
	user, password, err := u.User()
	if err != nil {
		return "", err
	}
	name, err := u.Name()
	if err != nil {
		return "", err
	}
	hosts := u.Hosts()
	switch {
	case len(hosts) != 1:
		return "", fmt.Errorf("is no %s://USER:PASSWORD@HOST:PORT/DATABASE", u.Scheme)
	case strings.Contains(user, ":"):
		return "", errors.New("the driver for MySQL takes no user with a colon")
	}
	host := hosts[0]
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(strings.Trim(host, "[]"), "3306")
	}
	query := u.Others()
	if !strings.Contains("&"+query, "&timeout=") {
		query += "&timeout=2s"
	}
	if !strings.Contains(query, "readTimeout=") {
		query += "&readTimeout=3s"
	}
	query = strings.ReplaceAll(query, "/", "%2F") // the driver looks for its last / : loc=Europe/Berlin
	return user + ":" + password + "@tcp(" + host + ")/" + url.PathEscape(name) + "?" + strings.TrimPrefix(query, "&"), nil
}

// sqliteDSN returns a URI with WAL and a short wait for locks, in the words of all drivers: those in pure Go read _pragma,
// mattn's reads the others, and each passes over what it does not know.
func sqliteDSN(u *driver.URL) (string, error) {
	if u.Rest == "" || u.Rest == ":memory:" {
		return "", errors.New("is no sqlite:FILE; memory: keeps sessions in this process")
	}
	file, err := u.Path()
	if err != nil {
		return "", err
	}
	query := "_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(500)" +
		"&_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=500"
	if others := u.Others(); others != "" {
		query += "&" + others
	}
	if strings.Contains(query, "mode=memory") {
		return "", errors.New("has mode=memory, a database for each connection; memory: keeps sessions in this process")
	}
	return "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + query, nil
}

// makeFile makes the file of the database if it is missing, since SQLite would make one that everybody on the machine can
// read. It does not open one that is there: to close that would end all locks that this process has on it, and with them
// the safety of its other connections (https://sqlite.org/howtocorrupt.html, section 2.2).
func makeFile(u *driver.URL) error {
	file, err := u.Path()
	if err != nil {
		return err
	}
	if !u.Create {
		_, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database at %q: no application has used it yet, or its name is another one", file)
		}
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}
