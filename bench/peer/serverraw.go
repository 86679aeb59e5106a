package peer

import (
	"bytes"
	"context"
	"time"
)

// rawTTL is how long the raw Apps' record lives: longer than a run of the comparison.
const rawTTL = 24 * time.Hour

// clients are the modules that the raw Apps measure.
var clients = map[string]string{
	"redis":     "github.com/redis/go-redis/v9",
	"memcached": "github.com/bradfitz/gomemcache",
	"sqlite":    "github.com/glebarez/go-sqlite",
	"postgres":  "github.com/jackc/pgx/v5",
}

// rawStore is the plain client of a store, with one record for everybody.
type rawStore struct {
	get  func(context.Context) ([]byte, error)
	set  func(ctx context.Context, data []byte) error
	stop func()
}

// rawApp is what the store's client costs without any session: Read is a GET, Write a
// GET and a SET, New and Fill are a SET, of as many bytes as Values have. The other
// routes mean nothing here.
func rawApp(store string, open func(Env) (rawStore, error)) App {
	return App{"raw", clients[store], "net/http", store, func(env Env) (*Running, error) {
		raw, err := open(env)
		if err != nil {
			return nil, err
		}
		data := bytes.Repeat([]byte("s"), 261)
		running := onHTTP(library[httpCall, context.Context]{
			get: func(ctx context.Context, _ any) int {
				if got, err := raw.get(ctx); err != nil || len(got) != len(data) {
					return 0
				}
				return 1
			},
			set:  func(context.Context, any, int) {},
			fill: func(context.Context, string, any) {},
			save: func(_ httpCall, ctx context.Context) error { return raw.set(ctx, data) },
			end:  func(httpCall, context.Context) error { return nil },
		}, func(h func(httpCall, context.Context)) func(httpCall) {
			return func(c httpCall) { h(c, c.r.Context()) }
		}, nil)
		running.Close = raw.stop
		return running, nil
	}}
}
