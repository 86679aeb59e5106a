package correct

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// records counts what the store holds; false for stores that cannot be asked from outside.
func (t *target) records() (n int, countable bool, err error) {
	switch t.app.Store {
	case "file":
		n, err = files(t.env.Env.Dir)
	case "redis":
		var reply string
		if reply, err = startserver.RedisCommand(t.Servers.Redis.Addr, "DBSIZE"); err == nil {
			n, err = strconv.Atoi(reply)
		}
	case "memcached":
		n, err = items(t.Servers.Memcached.Addr)
	case "sqlite", "postgres":
		n, err = rows(t.app.Store, t.env.Env)
	default:
		return 0, false, nil
	}
	return n, true, err
}

func files(dir string) (n int, err error) {
	return n, filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			n++
		}
		return err
	})
}

// items asks memcached for curr_items.
func items(addr string) (int, error) {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "stats\r\n"); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(conn)
	for lines.Scan() && lines.Text() != "END" {
		if text, ok := strings.CutPrefix(lines.Text(), "STAT curr_items "); ok {
			return strconv.Atoi(text)
		}
	}
	return 0, fmt.Errorf("memcached says nothing of curr_items: %v", lines.Err())
}

// rows counts those of all tables: each library has its own names.
func rows(store string, env peer.Env) (int, error) {
	total := 0
	err := withTables(store, env, func(db *gorm.DB, table string) error {
		var n int
		err := db.Raw("SELECT count(*) FROM " + table).Scan(&n).Error
		total += n
		return err
	})
	return total, err
}

// withTables calls f for each table of the App, with a connection of its own.
func withTables(store string, env peer.Env, f func(db *gorm.DB, table string) error) error {
	db, stop, err := peer.OpenSQL(store, env)
	if err != nil {
		return err
	}
	defer stop()
	tables, err := db.Migrator().GetTables()
	for _, table := range tables {
		if strings.HasPrefix(table, "sqlite_") {
			continue
		}
		if err := f(db, table); err != nil {
			return err
		}
	}
	return err
}
