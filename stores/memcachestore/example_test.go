package memcachestore_test

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

// New connects to nothing. Manager.Ping tells whether the servers answer.
func Example() {
	store, err := memcachestore.New([]string{"10.0.0.7:11211", "10.0.0.8:11211"}, memcachestore.Config{Prefix: "shop:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println(m.Info().Name)
	// Output: memcachestore
}

// Servers behind TLS that take items of 4 MiB. All application servers need the same list of servers.
func ExampleConfig() {
	store, err := memcachestore.New([]string{"cache1.example:11211", "cache2.example:11211"}, memcachestore.Config{
		Timeout:      200 * time.Millisecond, // of each exchange with a server
		MaxConns:     64,                     // to each server
		MaxIdleConns: 16,
		MaxItem:      4 << 20, // memcached -I 4m
		DialContext:  (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13}}).DialContext,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	fmt.Println("refused for now:", m.Breakers())
	// Output: refused for now: map[cache1.example:11211:false cache2.example:11211:false]
}
