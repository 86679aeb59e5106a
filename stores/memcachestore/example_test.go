package memcachestore_test

import (
	"fmt"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

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
