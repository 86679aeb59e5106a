package startserver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// MariaDB starts a MariaDB with an empty database. args are added to its command
// line: "--max-connections=20". The DSN of Go's usual driver is
//
//	User@tcp(Addr)/Database
func MariaDB(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{
		Name:     "mariadbd",
		User:     "root",
		Database: "coatcheck",
		program:  program(tb, "mariadbd", "/usr/sbin"),
		account:  "mysql",
		ready:    mariadbReady,
	}
	install := program(tb, "mariadb-install-db")
	s.argv = func(s *Server) []string {
		_, port, _ := net.SplitHostPort(s.Addr)
		return append([]string{
			"--no-defaults", "--datadir=" + filepath.Join(s.Dir, "data"), "--tmpdir=" + s.Dir,
			"--socket=" + filepath.Join(s.Dir, "sock"), "--pid-file=" + filepath.Join(s.Dir, "pid"),
			"--bind-address=127.0.0.1", "--port=" + port, "--skip-name-resolve",
			"--init-file=" + filepath.Join(s.Dir, "init.sql"),
			"--innodb-buffer-pool-size=64M", "--innodb-log-file-size=32M",
			// Every commit reaches the kernel, once a second the disk: a kill of the
			// server loses nothing by that.
			"--innodb-flush-log-at-trx-commit=2",
		}, args...)
	}
	return s.launch(tb, func() error {
		sql := "CREATE DATABASE IF NOT EXISTS " + s.Database + ";\n"
		if err := os.WriteFile(filepath.Join(s.Dir, "init.sql"), []byte(sql), 0o644); err != nil {
			return err
		}
		return s.installed(tb, func(data string) error {
			return runToEnd(s.Dir, s.account, install, "--no-defaults", "--datadir="+data,
				"--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=32M")
		})
	})
}

// mariadbReady reads the greeting, which comes when all else is up.
func mariadbReady(addr string) error {
	return ask(addr, "", func(r *bufio.Reader) error {
		var head [5]byte // length, number, protocol version
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return err
		}
		if head[4] != 10 {
			return fmt.Errorf("greeting %x", head)
		}
		return nil
	})
}
