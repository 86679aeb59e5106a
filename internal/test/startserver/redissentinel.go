package startserver

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// SentinelMaster is the name under which RedisSentinel watches its master.
const SentinelMaster = "main"

// RedisSentinel starts a master, a replica of it, and one Sentinel. About a second after the master is gone, the
// Sentinel alone makes the replica the master.
func RedisSentinel(tb testing.TB) (master, replica, sentinel *Server) {
	tb.Helper()
	master = Redis(tb, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(master.Addr)
	replica = Redis(tb, "--replicaof", host+" "+port)
	await(tb, func() error {
		info, err := RedisCommand(replica.Addr, "INFO", "replication")
		if err == nil && !strings.Contains(info, "master_link_status:up") {
			err = fmt.Errorf("replica not in step: %q", info)
		}
		return err
	})

	sentinel = newRedis(tb)
	sentinel.argv = func(s *Server) []string {
		_, own, _ := net.SplitHostPort(s.Addr)
		return []string{filepath.Join(s.Dir, "sentinel.conf"), "--sentinel", "--port", own, "--bind", "127.0.0.1"}
	}
	sentinel.launch(tb, func() error {
		conf := fmt.Sprintf("dir %s\nsentinel monitor %[2]s %[3]s %[4]s 1\nsentinel down-after-milliseconds %[2]s 500\nsentinel failover-timeout %[2]s 3000\n",
			sentinel.Dir, SentinelMaster, host, port)
		path := filepath.Join(sentinel.Dir, "sentinel.conf")
		if err := os.WriteFile(path, []byte(conf), 0o666); err != nil { // Sentinel rewrites it
			return err
		}
		return chownTo(path, sentinel.account)
	})
	await(tb, func() error {
		found, err := RedisCommand(sentinel.Addr, "SENTINEL", "MASTER", SentinelMaster)
		if err == nil && !strings.Contains(found, "num-slaves\n1") {
			err = fmt.Errorf("the sentinel has not found the replica: %q", found)
		}
		return err
	})
	return master, replica, sentinel
}
