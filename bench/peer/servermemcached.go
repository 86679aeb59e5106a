package peer

import (
	"context"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/gin-contrib/sessions"
	"github.com/gin-contrib/sessions/memcached"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/memcachestore"
)

func init() {
	for _, framework := range []string{"net/http", "gin"} {
		All = append(All, coatcheckApp(framework, "memcached", func(env Env) (driver.Backend, error) {
			if err := need(env.Memcached, "memcached"); err != nil {
				return nil, err
			}
			return memcachestore.New([]string{env.Memcached}, memcachestore.Config{})
		}))
	}
	All = append(All,
		onServer(ginMemcached, func(open func(Env) (sessions.Store, error)) App { return ginContribApp("memcached", open) }),
		rawApp("memcached", func(env Env) (rawStore, error) {
			client, err := goMemcache(env)
			if err != nil {
				return rawStore{}, err
			}
			return rawStore{
				get: func(context.Context) ([]byte, error) {
					item, err := client.Get("raw")
					if err != nil {
						return nil, err
					}
					return item.Value, nil
				},
				set: func(_ context.Context, data []byte) error {
					return client.Set(&memcache.Item{Key: "raw", Value: data, Expiration: int32(rawTTL.Seconds())})
				},
				stop: func() { _ = client.Close() },
			}, nil
		}),
	)
}

func goMemcache(env Env) (*memcache.Client, error) {
	if err := need(env.Memcached, "memcached"); err != nil {
		return nil, err
	}
	return memcache.New(env.Memcached), nil
}

func ginMemcached(env Env) (sessions.Store, func(), error) {
	client, err := goMemcache(env)
	if err != nil {
		return nil, nil, err
	}
	return memcached.NewStore(client, "gin:", authKey), func() { _ = client.Close() }, nil
}
