package cachedstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
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

// A cache that fails fails no request. Report is for a metric, and for an alert on what other servers may not know yet.
func ExampleConfig() {
	memory, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	cache := storetest.NewFault(memory) // yours: a memcachestore or a redisstore
	truth, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	stale := 0
	store, err := cachedstore.New(cache.Store(), truth, cachedstore.Config{
		SoftTTL: 10 * time.Second,       // so long may another server read an older state
		Timeout: 100 * time.Millisecond, // then the truth answers
		Report: func(_ driver.ID, err error) {
			if errors.Is(err, cachedstore.ErrStale) {
				stale++ // in earnest: an atomic.Int64
			}
		},
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

	const visits core.Key[int] = "visits"
	visit := func(s *core.Session) { _ = visits.Update(s, func(n int) int { return n + 1 }) }
	cookie, err := serve(m, "", visit)
	fmt.Println(err, stale)
	cache.Before(storetest.Outage) // from here on
	_, err = serve(m, cookie, visit)
	fmt.Println(err, stale)
	// Output:
	// <nil> 0
	// <nil> 1
}

// serve does what an adapter does for a request, and returns the browser's cookie afterwards.
func serve(m *core.Manager, cookie string, handler func(*core.Session)) (string, error) {
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, http.Header{"Cookie": {cookie}})
	s, err := x.Session(ctx)
	if err != nil {
		return cookie, err
	}
	handler(s)
	out, err := x.Commit(ctx, http.StatusOK)
	if err != nil {
		return cookie, err
	}
	if out.Name != "" {
		cookie, _, _ = strings.Cut(out.Value, ";")
	}
	return cookie, x.Finish(ctx)
}
