package cachedstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func init() { driver.RegisterLayer("cache", layer) }

// layer reads "cache=redis://localhost:6379/1&cache_soft_ttl=30s&cache_timeout=250ms" in any store's URL.
func layer(u *driver.URL, cacheURL string) func(context.Context, driver.Store) (driver.Store, error) {
	var config Config
	u.Option("cache_soft_ttl", &config.SoftTTL)
	u.Option("cache_timeout", &config.Timeout)
	return func(ctx context.Context, truth driver.Store) (driver.Store, error) {
		cache, err := u.OpenOther(ctx, cacheURL, true)
		if err != nil {
			return nil, fmt.Errorf("option cache: %w", err)
		}
		store, err := New(cache, truth, config)
		if err != nil {
			return nil, errors.Join(err, driver.Close(cache))
		}
		return store, nil
	}
}
