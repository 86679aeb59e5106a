//go:build unix

package startserver

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// Every kind of server answers, is gone after Kill, comes back on the same port, and does not answer while it is
// paused.
func TestServers(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *Server{
		"memcached": func(tb testing.TB) *Server { return Memcached(tb, "-m", "2") },
		"redis":     func(tb testing.TB) *Server { return Redis(tb) },
		"postgres":  func(tb testing.TB) *Server { return Postgres(tb) },
		"mariadb":   func(tb testing.TB) *Server { return MariaDB(tb) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			first, addr := s.PID(), s.Addr
			s.Kill()
			if _, err := net.DialTimeout("tcp", s.Addr, time.Second); err == nil {
				t.Fatal("something listens after Kill")
			}
			s.Restart(t)
			if s.PID() == first || s.Addr != addr {
				t.Fatalf("restarted as %d at %s, was %d at %s", s.PID(), s.Addr, first, addr)
			}
			s.Pause()
			answer := make(chan error, 1)
			go func() { answer <- s.ready(s.Addr) }()
			select {
			case err := <-answer:
				t.Fatalf("answered while paused: %v", err)
			case <-time.After(100 * time.Millisecond):
			}
			s.Resume()
			if err := <-answer; err != nil {
				t.Fatalf("after Resume: %v", err)
			}
		})
	}
}

func TestServerEndsWithItsTest(t *testing.T) {
	var s *Server
	t.Run("inside", func(t *testing.T) { s = Redis(t) })
	if s == nil {
		t.Skip("redis-server is not installed")
	}
	if err := syscall.Kill(s.PID(), 0); err == nil {
		t.Error("the server outlived its test")
	}
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("its folder: %v", err)
	}
}

var sharedRedis = Share(func(tb testing.TB) *Server { return Redis(tb) })

func TestShareStartsOnce(t *testing.T) {
	var first, second *Server
	t.Run("first", func(t *testing.T) { first = sharedRedis(t) })
	t.Run("second", func(t *testing.T) { second = sharedRedis(t) })
	if first == nil {
		t.Skip("redis-server is not installed")
	}
	if first != second {
		t.Error("started twice")
	}
	if err := first.ready(first.Addr); err != nil {
		t.Errorf("it ended with the first test: %v", err)
	}
}

func TestRedisKeepsWhatItWrote(t *testing.T) {
	s := Redis(t, "--appendonly", "yes", "--appendfsync", "always")
	must(t, s, "SET", "k", "kept")
	s.Kill()
	s.Restart(t)
	if got := must(t, s, "GET", "k"); got != "kept" {
		t.Errorf("got %q", got)
	}
}

func TestRedisCluster(t *testing.T) {
	nodes := RedisCluster(t, 3)
	if slots := must(t, nodes[0], "CLUSTER", "SLOTS"); strings.Count(slots, "127.0.0.1") != 3 {
		t.Errorf("slots %q", slots)
	}
	nodes[1].Kill()
	nodes[1].Restart(t)
	AwaitRedisCluster(t, nodes)
}

func TestRedisSentinelFailsOver(t *testing.T) {
	master, replica, sentinel := RedisSentinel(t)
	master.Kill()
	_, port, _ := net.SplitHostPort(replica.Addr)
	deadline := time.Now().Add(20 * time.Second)
	for {
		at := must(t, sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelMaster)
		if strings.HasSuffix(at, "\n"+port) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the master is still %q", at)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
