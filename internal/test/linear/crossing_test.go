package linear

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/crossingstore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// In these targets, sessions begin in the old store, as if they were from before the move. They are taken over when
// they are used, or by a Move that runs beside.
func init() {
	targets = append(targets,
		target{name: "crossingstore: SQLite to Redis", open: func(tb testing.TB) site {
			dsn, addr, space := sqliteIn(tb.TempDir()), redis(tb).Addr, newSpace()
			prepare(tb, dsn)
			return crossing(tb, []driver.Store{openRedisIn(tb, addr, space, 0), openRedisIn(tb, addr, space, 0)}, connect(tb, dsn))
		}},
		target{name: "crossingstore: Redis with CacheFor to files", open: func(tb testing.TB) site {
			addr, space := redis(tb).Addr, newSpace()
			return crossing(tb, openFiles(tb, filestore.SyncAll), []driver.Store{openRedisIn(tb, addr, space, time.Minute), openRedisIn(tb, addr, space, time.Minute)})
		}},
		target{name: "crossingstore: files to memcached", open: func(tb testing.TB) site {
			addr := memcached(tb).Addr
			return crossing(tb, []driver.Store{openMemcached(tb, addr, patient), openMemcached(tb, addr, patient)}, openFiles(tb, filestore.SyncAll))
		}},
		target{name: "crossingstore, answers lost", open: func(tb testing.TB) site {
			to, from := made.Of(memstore.New(memstore.Config{})), made.Of(memstore.New(memstore.Config{}))
			return crossing(tb, losing(to, to).stores, losing(from, from).stores)
		}},
	)
}

// crossing is two servers that cross from one store to the other, and somebody who moves sessions now and then.
func crossing(tb testing.TB, to, from []driver.Store) (s site) {
	for i := range to {
		store, err := crossingstore.New(to[i], from[i], crossingstore.Config{})
		must(tb, err)
		s.stores = append(s.stores, beforeTheMove{store, from[i]})
		s.faults = append(s.faults, fault{name: "move", do: func(*rand.Rand) {
			_, _ = store.Move(context.Background(), crossingstore.MoveOptions{Parallel: 2, Verify: true})
		}})
	}
	return s
}

// beforeTheMove creates in the old store.
type beforeTheMove struct {
	*crossingstore.Store
	from driver.Store
}

// Create gives the record the Version with which a list would show it. The first write of it conflicts.
func (b beforeTheMove) Create(ctx context.Context, rec *driver.Record) error {
	err := b.from.Create(ctx, rec)
	if err == nil {
		rec.Version |= 1 << 63
	}
	return err
}
