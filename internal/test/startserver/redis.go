package startserver

import (
	"errors"
	"net"
	"testing"
)

// Redis starts a Redis that keeps nothing on disk. args are added to its command
// line: "--maxmemory", "4mb"; "--appendonly", "yes", "--appendfsync", "always".
func Redis(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := newRedis(tb)
	s.argv = func(s *Server) []string { return append(redisArgs(s), args...) }
	return s.launch(tb, nil)
}

func newRedis(tb testing.TB) *Server {
	tb.Helper()
	return &Server{
		Name:    "redis-server",
		program: program(tb, "redis-server"),
		account: "nobody",
		ready:   redisReady,
	}
}

func redisArgs(s *Server) []string {
	_, port, _ := net.SplitHostPort(s.Addr)
	return []string{"--port", port, "--bind", "127.0.0.1", "--dir", s.Dir, "--save", "", "--appendonly", "no"}
}

// redisReady is false while the server still loads its data.
func redisReady(addr string) error {
	reply, err := RedisCommand(addr, "PING")
	if err == nil && reply != "PONG" {
		err = errors.New(reply)
	}
	return err
}
