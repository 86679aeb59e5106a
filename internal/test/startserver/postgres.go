package startserver

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"testing"
)

// Postgres starts a PostgreSQL with a fresh database, in UTF-8 under the locale
// C. It does not wait for the disk (fsync=off): a kill of the server loses nothing
// by that, only a crash of the machine would. args are added to its command line:
// "-c", "max_connections=20". The URL is
//
//	postgres://User@Addr/Database?sslmode=disable
func Postgres(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{
		Name:     "postgres",
		User:     "postgres",
		Database: "postgres",
		program:  program(tb, "postgres", "/usr/lib/postgresql/*/bin"),
		account:  "postgres",
		ready:    postgresReady,
	}
	initdb := program(tb, "initdb", filepath.Dir(s.program), "/usr/lib/postgresql/*/bin")
	s.argv = func(s *Server) []string {
		_, port, _ := net.SplitHostPort(s.Addr)
		return append([]string{
			"-D", filepath.Join(s.Dir, "data"), "-p", port,
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			"-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "autovacuum_naptime=10s",
		}, args...)
	}
	return s.launch(tb, func() error {
		return s.installed(tb, func(data string) error {
			return runToEnd(s.Dir, s.account, initdb, "-D", data,
				"-U", s.User, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
		})
	})
}

// postgresReady logs in, as any client would, up to "ready for query".
func postgresReady(addr string) error {
	start := append([]byte{0, 0, 0, 0, 0, 3, 0, 0}, "user\x00postgres\x00database\x00postgres\x00\x00"...)
	binary.BigEndian.PutUint32(start, uint32(len(start)))
	return ask(addr, string(start), func(r *bufio.Reader) error {
		for {
			var head [5]byte
			if _, err := io.ReadFull(r, head[:]); err != nil {
				return err
			}
			body := make([]byte, max(binary.BigEndian.Uint32(head[1:]), 4)-4)
			if _, err := io.ReadFull(r, body); err != nil {
				return err
			}
			switch head[0] {
			case 'E':
				return fmt.Errorf("%q", body)
			case 'Z':
				return nil
			}
		}
	})
}
