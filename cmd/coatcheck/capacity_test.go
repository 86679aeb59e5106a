package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// TestCapacity measures what docs/operations.md says of a session's size in each store: by hand, with TESTS_CAPACITY=100000
// sessions of 600 bytes, each of another user.
func TestCapacity(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("TESTS_CAPACITY"))
	if n == 0 {
		n = 200 // it still works
	}
	redis, memcached := startserver.Redis(t), startserver.Memcached(t, "-m", "1024")
	pg, maria := startserver.Postgres(t), startserver.MariaDB(t)
	dir := t.TempDir()
	pgURL := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", pg.User, pg.Addr, pg.Database)
	for _, c := range []struct {
		name, url string
		used      func() int64
	}{
		{"memory", "memory:", inHeap},
		{"file", "file:" + filepath.Join(dir, "s"), func() int64 { return disk(t, filepath.Join(dir, "s")) }},
		{"sqlite", "sqlite:" + filepath.Join(dir, "s.db"), func() int64 { return disk(t, filepath.Join(dir, "s.db")) + disk(t, filepath.Join(dir, "s.db-wal")) }},
		{"postgres", pgURL, func() int64 {
			return query(t, postgres.Open(pgURL), "SELECT pg_total_relation_size('coatcheck_sessions')")
		}},
		{"mariadb", fmt.Sprintf("mysql://%s@%s/%s", maria.User, maria.Addr, maria.Database), func() int64 {
			dialector := mysql.Open(fmt.Sprintf("%s@tcp(%s)/%s", maria.User, maria.Addr, maria.Database))
			return query(t, dialector, "SELECT file_size FROM information_schema.innodb_sys_tablespaces WHERE name = 'coatcheck/coatcheck_sessions'")
		}},
		{"redis", "redis://" + redis.Addr, func() int64 { return stat(t, redis.Addr, "*2\r\n$4\r\nINFO\r\n$6\r\nmemory\r\n", `used_memory:(\d+)`) }},
		{"memcached", "memcache://" + memcached.Addr, func() int64 { return stat(t, memcached.Addr, "stats\r\n", `STAT bytes (\d+)`) }},
	} {
		opened, err := core.OpenStore(t.Context(), c.url)
		if err != nil {
			t.Fatal(err)
		}
		before := c.used()
		create(t, opened.(driver.Store), n)
		each := (c.used() - before) / int64(n)
		t.Logf("%-10s %d sessions: %d bytes each", c.name, n, each)
		if each < 300 {
			t.Errorf("%s: %d bytes for 600 and more is not true", c.name, each)
		}
		if err := driver.Close(opened); err != nil {
			t.Error(err)
		}
	}
}

func create(t *testing.T, store driver.Store, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				now := time.Now()
				rec := driver.Record{Subject: fmt.Sprintf("user-%08d", i), Created: now, Used: now, Expires: now.Add(14 * 24 * time.Hour), Data: make([]byte, 600)}
				_, _ = rand.Read(rec.ID[:]) // never fails
				_, _ = rand.Read(rec.Data)
				if err := store.Create(t.Context(), &rec); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func inHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// disk is what the files in a folder take, in blocks of 4 KiB as most file systems have.
func disk(t *testing.T, path string) (total int64) {
	t.Helper()
	_ = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // not there yet
		}
		if info, err := d.Info(); err == nil {
			total += (info.Size() + 4095) / 4096 * 4096
		}
		return nil
	})
	return total
}

func query(t *testing.T, dialector gorm.Dialector, text string) (n int64) {
	t.Helper()
	db, err := gorm.Open(dialector)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := db.Raw(text).Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

// stat asks a server in its own words.
func stat(t *testing.T, addr, command, pattern string) int64 {
	t.Helper()
	text := ask(t, addr, command)
	found := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no %s in %s", pattern, strings.TrimSpace(text))
	}
	n, _ := strconv.ParseInt(found[1], 10, 64)
	return n
}

func ask(t *testing.T, addr, command string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, command); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64<<10)
	n := 0
	for !strings.Contains(string(buffer[:n]), "used_memory_peak") && !strings.Contains(string(buffer[:n]), "END") {
		more, err := c.Read(buffer[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += more
	}
	return string(buffer[:n])
}
