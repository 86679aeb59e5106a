package peer

import (
	"context"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

func init() {
	All = append(All, scsApp("memory", func(Env) (scs.Store, func(), error) {
		store := memstore.New()
		return store, store.StopCleanup, nil
	}))
}

// scsApp is scs over the store that open returns, on net/http. The func closes the
// store; it may be nil.
func scsApp(store string, open func(Env) (scs.Store, func(), error)) App {
	return App{"scs", "github.com/alexedwards/scs/v2", "net/http", store, func(env Env) (*Running, error) {
		backend, stop, err := open(env)
		if err != nil {
			return nil, err
		}
		m := scs.New()
		m.Store = backend
		running := onHTTP(library[httpCall, context.Context]{
			get:  func(ctx context.Context, key any) int { return m.GetInt(ctx, key.(string)) },
			set:  func(ctx context.Context, key any, n int) { m.Put(ctx, key.(string), n) },
			fill: func(ctx context.Context, key string, value any) { m.Put(ctx, key, value) },
			end:  func(_ httpCall, ctx context.Context) error { return m.Destroy(ctx) },
		}, func(h func(httpCall, context.Context)) func(httpCall) {
			return func(c httpCall) { h(c, c.r.Context()) }
		}, m.LoadAndSave)
		if stop != nil {
			running.Close = stop
		}
		return running, nil
	}}
}
