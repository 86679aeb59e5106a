package startserver

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

const clusterSlots = 16384

// RedisCluster starts a Redis Cluster of masters without replicas, which have equal shares of the slots. It returns
// when every node knows all the others. args are as for Redis.
func RedisCluster(tb testing.TB, nodes int, args ...string) []*Server {
	tb.Helper()
	all := make([]*Server, nodes)
	buses := make([]string, nodes)
	for i := range all {
		s := newRedis(tb)
		buses[i] = strconv.Itoa(freePort(tb))
		bus := buses[i]
		s.argv = func(s *Server) []string {
			return append(append(redisArgs(s), "--cluster-enabled", "yes", "--cluster-port", bus,
				"--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "3000"), args...)
		}
		all[i] = s.launch(tb, nil)
	}
	for i, s := range all {
		must(tb, s, "CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		must(tb, s, "CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(clusterSlots*i/nodes), strconv.Itoa(clusterSlots*(i+1)/nodes-1))
		if i > 0 {
			host, port, _ := net.SplitHostPort(s.Addr)
			must(tb, all[0], "CLUSTER", "MEET", host, port, buses[i])
		}
	}
	AwaitRedisCluster(tb, all)
	return all
}

// AwaitRedisCluster returns when every node knows all the others and reports the cluster as whole.
func AwaitRedisCluster(tb testing.TB, nodes []*Server) {
	tb.Helper()
	for _, s := range nodes {
		await(tb, func() error {
			info, err := RedisCommand(s.Addr, "CLUSTER", "INFO")
			if err == nil && !(strings.Contains(info, "cluster_state:ok") &&
				strings.Contains(info, fmt.Sprintf("cluster_slots_ok:%d", clusterSlots)) &&
				strings.Contains(info, fmt.Sprintf("cluster_size:%d\r", len(nodes)))) {
				err = fmt.Errorf("cluster not whole: %q", info)
			}
			return err
		})
	}
}

func must(tb testing.TB, s *Server, args ...string) string {
	tb.Helper()
	reply, err := RedisCommand(s.Addr, args...)
	if err != nil {
		tb.Fatalf("startserver: %s: %v", strings.Join(args, " "), err)
	}
	return reply
}

// await tries until there is no error, or until the time for starting is up.
func await(tb testing.TB, try func() error) {
	tb.Helper()
	deadline := time.Now().Add(startTimeout)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("startserver: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
