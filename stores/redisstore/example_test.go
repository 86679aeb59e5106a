package redisstore_test

import (
	"log"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func ExampleOpen() {
	store, err := redisstore.Open(rueidis.ClientOption{InitAddress: []string{"127.0.0.1:6379"}}, redisstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
}

// For Sentinel, give the addresses of the Sentinels and the name of the master.
func ExampleOpen_sentinel() {
	option := rueidis.ClientOption{
		InitAddress: []string{"10.0.0.1:26379", "10.0.0.2:26379", "10.0.0.3:26379"},
		Sentinel:    rueidis.SentinelOption{MasterSet: "main"},
	}
	if _, err := redisstore.Open(option, redisstore.Config{}); err != nil {
		log.Fatal(err)
	}
}
