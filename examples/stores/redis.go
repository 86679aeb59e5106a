package main

import (
	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

// openRedis opens the URL of one server. rueidis.ClientOption has more settings: several addresses of a Cluster in
// InitAddress, Sentinel.MasterSet, TLSConfig.
func openRedis(name, prefix string) (*redisstore.Store, error) {
	option, err := rueidis.ParseURL(name)
	if err != nil {
		return nil, err
	}
	// Open dials, and sets what matters for sessions. A client that the application has already goes
	// to redisstore.New instead.
	return redisstore.Open(option, redisstore.Config{Prefix: prefix})
}
