package startserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// PgBouncer starts a PgBouncer in front of a PostgreSQL that Postgres started. Its clients share three connections, by
// transaction. The URL is that of the PostgreSQL, with this Addr.
func PgBouncer(tb testing.TB, behind *Server) *Server {
	tb.Helper()
	s := &Server{
		Name:     "pgbouncer",
		User:     behind.User,
		Database: behind.Database,
		program:  program(tb, "pgbouncer", "/usr/sbin"),
		account:  "postgres",
		ready:    postgresReady,
	}
	host, port, _ := net.SplitHostPort(behind.Addr)
	config := func() string { return filepath.Join(s.Dir, "pgbouncer.ini") }
	s.argv = func(s *Server) []string {
		_, own, _ := net.SplitHostPort(s.Addr)
		text := fmt.Sprintf("[databases]\n%s = host=%s port=%s user=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"+
			"listen_port = %s\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n"+
			"max_client_conn = 200\n", s.Database, host, port, s.User, own)
		if err := os.WriteFile(config(), []byte(text), 0o644); err != nil {
			tb.Error(err)
		}
		return []string{config()}
	}
	return s.launch(tb, nil)
}
