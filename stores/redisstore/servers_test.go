package redisstore

import (
	"context"
	"testing"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

var background = context.Background()

// servers are the addresses of one server, and of a cluster.
func servers(t *testing.T) map[string][]string {
	all := map[string][]string{"single": {single(t).Addr}}
	for _, s := range cluster(t) {
		all["cluster"] = append(all["cluster"], s.Addr)
	}
	return all
}

func openSentinel(addr string) (*Store, error) {
	return Open(rueidis.ClientOption{
		InitAddress: []string{addr},
		Sentinel:    rueidis.SentinelOption{MasterSet: startserver.SentinelMaster},
	}, Config{})
}
