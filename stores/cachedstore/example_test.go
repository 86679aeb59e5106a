package cachedstore_test

import (
	"fmt"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func Example() {
	// One process: its memory is the cache. Several servers share a memcachestore or a
	// redisstore instead, and the truth is a gormstore.
	cache, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	truth, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := cachedstore.New(cache, truth, cachedstore.Config{
		Report: func(id driver.ID, err error) { fmt.Println("cache:", err) },
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
	fmt.Println(m.Info().Name)
	fmt.Println(m.Close())
	// Output:
	// cachedstore
	// <nil>
}
