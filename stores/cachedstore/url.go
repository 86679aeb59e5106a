package cachedstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

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
		if err := apart(ctx, cache, truth); err != nil {
			return nil, errors.Join(err, driver.Close(cache))
		}
		store, err := New(cache, truth, config)
		if err != nil {
			return nil, errors.Join(err, driver.Close(cache))
		}
		return store, nil
	}
}

// apart returns an error if what is written to the cache comes back from the truth: one folder, or one prefix or table in
// one server. No session could then be changed, and one that has ended would come back.
func apart(ctx context.Context, cache, truth driver.Store) error {
	now := time.Now()
	rec := driver.Record{Created: now, Used: now, Expires: now.Add(time.Minute), Data: []byte{0}}
	_, _ = rand.Read(rec.ID[:]) // never fails
	if cache.Create(ctx, &rec) != nil {
		return nil // a cache that takes nothing harms nothing
	}
	_, err := truth.Load(ctx, rec.ID)
	_ = cache.Delete(ctx, rec.ID) // else it is gone in a minute
	switch {
	case err == nil:
		return errors.New("option cache: the cache and the store that it is in front of keep their records in the same place: name another folder, prefix or table")
	case errors.Is(err, driver.ErrNotFound):
		return nil
	}
	return err
}
