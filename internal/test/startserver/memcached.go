package startserver

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Memcached starts a memcached. args are added to its command line: "-m", "2".
func Memcached(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{
		Name:    "memcached",
		program: program(tb, "memcached"),
		account: "nobody",
		ready:   memcachedReady,
	}
	s.argv = func(s *Server) []string {
		_, port, _ := net.SplitHostPort(s.Addr)
		return append([]string{"-l", "127.0.0.1", "-p", port, "-U", "0"}, args...)
	}
	return s.launch(tb, nil)
}

func memcachedReady(addr string) error {
	return ask(addr, "version\r\n", func(r *bufio.Reader) error {
		line, err := r.ReadString('\n')
		if err == nil && !strings.HasPrefix(line, "VERSION ") && !strings.Contains(line, "unauthenticated") { // -Y
			err = errors.New(line)
		}
		return err
	})
}

// ask dials, sends a text, and lets check read the reply.
func ask(addr, send string, check func(*bufio.Reader) error) error {
	c, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, send); err != nil {
		return err
	}
	return check(bufio.NewReader(c))
}
