package peer

import (
	"context"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	"github.com/gin-contrib/sessions"
	ginredis "github.com/gin-contrib/sessions/redis"
	"github.com/gofiber/fiber/v2"
	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/stores/redisstore"
)

func init() {
	for _, framework := range []string{"net/http", "gin", "fiber v2"} {
		All = append(All, coatcheckApp(framework, "redis", func(env Env) (driver.Backend, error) {
			if err := need(env.Redis, "redis-server"); err != nil {
				return nil, err
			}
			return redisstore.Open(rueidis.ClientOption{InitAddress: []string{env.Redis}}, redisstore.Config{})
		}))
	}
	All = append(All,
		scsApp("redis", func(env Env) (scs.Store, func(), error) {
			client, err := goRedis(env)
			if err != nil {
				return nil, nil, err
			}
			return goredisstore.New(client), func() { _ = client.Close() }, nil
		}),
		onServer(ginRedis, func(open func(Env) (sessions.Store, error)) App { return ginContribApp("redis", open) }),
		fiberV2App("redis", func(env Env) (fiber.Storage, error) {
			if err := need(env.Redis, "redis-server"); err != nil {
				return nil, err
			}
			return fiberredis.New(fiberredis.Config{Addrs: []string{env.Redis}}), nil
		}),
		rawApp("redis", func(env Env) (rawStore, error) {
			client, err := goRedis(env)
			if err != nil {
				return rawStore{}, err
			}
			return rawStore{
				get:  func(ctx context.Context) ([]byte, error) { return client.Get(ctx, "raw").Bytes() },
				set:  func(ctx context.Context, data []byte) error { return client.Set(ctx, "raw", data, rawTTL).Err() },
				stop: func() { _ = client.Close() },
			}, nil
		}),
	)
}

func goRedis(env Env) (*redis.Client, error) {
	if err := need(env.Redis, "redis-server"); err != nil {
		return nil, err
	}
	return redis.NewClient(&redis.Options{Addr: env.Redis}), nil
}

func ginRedis(env Env) (sessions.Store, func(), error) {
	if err := need(env.Redis, "redis-server"); err != nil {
		return nil, nil, err
	}
	store, err := ginredis.NewStore(10, "tcp", env.Redis, "", "", authKey)
	if err != nil {
		return nil, nil, err
	}
	pool, err := ginredis.GetRedisStore(store)
	return store, func() { _ = pool.Close() }, err
}
