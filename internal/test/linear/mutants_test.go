package linear

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// broken is a memstore with one method replaced.
type broken struct {
	driver.Store
	load   func(context.Context, driver.ID) (driver.Record, error)
	update func(context.Context, *driver.Record) error
	remove func(context.Context, driver.ID) error
}

func (b *broken) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	if b.load != nil {
		return b.load(ctx, id)
	}
	return b.Store.Load(ctx, id)
}

func (b *broken) Update(ctx context.Context, rec *driver.Record) error {
	if b.update != nil {
		return b.update(ctx, rec)
	}
	return b.Store.Update(ctx, rec)
}

func (b *broken) Delete(ctx context.Context, id driver.ID) error {
	if b.remove != nil {
		return b.remove(ctx, id)
	}
	return b.Store.Delete(ctx, id)
}

// Abilities are those of the store inside.
func (b *broken) Abilities() driver.Abilities { return driver.AbilitiesOf(b.Store) }

var mutants = []struct {
	name     string
	breaking func(b *broken)
}{
	{"skips the version check", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			for {
				now, err := b.Store.Load(ctx, rec.ID)
				if err != nil {
					return err
				}
				forced := *rec
				forced.Version = now.Version
				err = b.Store.Update(ctx, &forced)
				if !errors.Is(err, driver.ErrConflict) {
					if err == nil {
						rec.Version = forced.Version
					}
					return err
				}
			}
		}
	}},
	{"loses a conflict", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.Store.Update(ctx, rec)
			if errors.Is(err, driver.ErrConflict) {
				return nil
			}
			return err
		}
	}},
	{"loses one conflict in ten", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.Store.Update(ctx, rec)
			if errors.Is(err, driver.ErrConflict) && rand.IntN(10) == 0 {
				return nil
			}
			return err
		}
	}},
	{"forgets to revoke", func(b *broken) {
		b.remove = func(context.Context, driver.ID) error { return nil }
	}},
	{"forgets one revocation in ten", func(b *broken) {
		b.remove = func(ctx context.Context, id driver.ID) error {
			if rand.IntN(10) == 0 {
				return nil
			}
			return b.Store.Delete(ctx, id)
		}
	}},
	{"answers with an older record now and then", func(b *broken) {
		var mu sync.Mutex
		older := map[driver.ID]driver.Record{}
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.Store.Load(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			if old, ok := older[id]; ok && rand.IntN(50) == 0 {
				return old, nil
			}
			if err == nil {
				older[id] = rec
			}
			return rec, err
		}
	}},
	{"keeps a cache that no other request renews", func(b *broken) {
		var mu sync.Mutex
		cache := map[driver.ID]driver.Record{}
		var filled time.Time
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			mu.Lock()
			defer mu.Unlock()
			if time.Since(filled) > time.Millisecond {
				clear(cache)
				filled = time.Now()
			}
			if rec, ok := cache[id]; ok {
				return rec, nil
			}
			rec, err := b.Store.Load(ctx, id)
			if err == nil {
				cache[id] = rec
			}
			return rec, err
		}
	}},
	{"acknowledges a write before it is made", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			now, err := b.Store.Load(ctx, rec.ID)
			switch {
			case err != nil:
				return err
			case now.Version != rec.Version:
				return driver.ErrConflict
			}
			later := *rec
			go func() {
				time.Sleep(100 * time.Microsecond)
				_ = b.Store.Update(context.WithoutCancel(ctx), &later)
			}()
			rec.Version++
			return nil
		}
	}},
	{"brings a revoked session back", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.Store.Update(ctx, rec)
			if errors.Is(err, driver.ErrNotFound) {
				return b.Store.Create(ctx, rec)
			}
			return err
		}
	}},
	{"takes a live session for gone now and then", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			if rand.IntN(20) == 0 {
				return driver.ErrNotFound
			}
			return b.Store.Update(ctx, rec)
		}
	}},
	{"takes an outage for done", func(b *broken) {
		fault := storetest.NewFault(b.Store)
		fault.Before(func(c storetest.Call) error {
			if rand.IntN(40) == 0 {
				return storetest.Outage(c)
			}
			return nil
		})
		b.Store = fault.Store()
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.Store.Update(ctx, rec)
			if errors.Is(err, driver.ErrUnavailable) {
				return nil
			}
			return err
		}
	}},
	{"ends no session by Update", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			if len(rec.Data) == 128 { // an ended record
				return nil
			}
			return b.Store.Update(ctx, rec)
		}
	}},
	{"rolls a session back after a while", func(b *broken) {
		var mu sync.Mutex
		before := map[driver.ID][]byte{}
		b.update = func(ctx context.Context, rec *driver.Record) error {
			if err := b.Store.Update(ctx, rec); err != nil {
				return err
			}
			mu.Lock()
			old, ok := before[rec.ID]
			before = maps.Clone(before)
			before[rec.ID] = rec.Data
			mu.Unlock()
			if ok && rand.IntN(30) == 0 {
				back := *rec
				back.Data = old
				_ = b.Store.Update(ctx, &back)
			}
			return nil
		}
	}},
}

// maxHistories is within how many a mutant has to be found.
const maxHistories = 40

// TestMutants: what is checked finds stores that are broken, each within a few histories.
func TestMutants(t *testing.T) {
	for _, mu := range mutants {
		t.Run(mu.name, func(t *testing.T) {
			b := &broken{Store: made.Of(memstore.New(memstore.Config{}))}
			mu.breaking(b)
			managers := servers(t, b)
			for seed := range uint64(maxHistories) {
				if newRun("broken memstore", seed, managers).play(nil).check(undecided) == porcupine.Illegal {
					t.Logf("found in history %d", seed+1)
					return
				}
			}
			t.Errorf("not found in %d histories", maxHistories)
		})
	}
}

// TestForgettingServer: a server that forgets acknowledged writes when it is killed is found, if nothing says that it may.
func TestForgettingServer(t *testing.T) {
	server := startserver.Redis(t)
	managers := servers(t, openRedis(t, server.Addr, 0))
	kill := fault{name: "kill", do: func(*rand.Rand) {
		server.Kill()
		server.Restart(t)
	}}
	for seed := range uint64(maxHistories) {
		if newRun("Redis without a disk", seed, managers).play(disturb([]fault{kill}, seed)).check(undecided) == porcupine.Illegal {
			t.Logf("found in history %d", seed+1)
			return
		}
	}
	t.Errorf("not found in %d histories", maxHistories)
}
