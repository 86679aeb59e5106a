package storetest

import (
	"context"
	"errors"
	"sync"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// cache is the cache of one handle.
type cache struct{ recs sync.Map }

func (c *cache) get(id driver.ID) (driver.Record, bool) {
	rec, ok := c.recs.Load(id)
	if !ok {
		return driver.Record{}, false
	}
	return rec.(driver.Record), true
}

// withCache gives the handle a cache, from which Load answers. Only Load fills it.
func withCache(b *broken) *cache {
	c := &cache{}
	b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
		if rec, ok := c.get(id); ok && rec.Live(b.now()) {
			return rec, nil
		}
		rec, err := b.model.Load(ctx, id)
		if err == nil {
			c.recs.Store(id, rec)
		}
		return rec, err
	}
	return c
}

var reloadMutants = []mutant{{
	"reloads from its cache", "ReloadIsNew ReloadAbsent OutageIsUnavailable", func(b *broken) {
		withCache(b)
		b.reload = b.load
	},
}, {
	"does not keep what it reloaded", "ReloadIsNew ReloadAbsent", func(b *broken) {
		withCache(b)
	},
}, {
	"keeps what it saw to be gone", "ReloadAbsent", func(b *broken) {
		c := withCache(b)
		b.reload = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			if err == nil {
				c.recs.Store(id, rec)
			}
			return rec, err
		}
	},
}, {
	"remembers what was absent", "ReloadAbsent", func(b *broken) {
		var absent sync.Map
		b.reload = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			if _, ok := absent.Load(id); ok {
				return driver.Record{}, driver.ErrNotFound
			}
			rec, err := b.model.Load(ctx, id)
			if errors.Is(err, driver.ErrNotFound) {
				absent.Store(id, true)
			}
			return rec, err
		}
	},
}, {
	"answers nothing and no error where nothing is", "ReloadAbsent", func(b *broken) {
		b.reload = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			if errors.Is(err, driver.ErrNotFound) {
				return driver.Record{}, nil
			}
			return rec, err
		}
	},
}, {
	"joins a read that began before", "ReloadTogether", func(b *broken) {
		shareReloads(b, func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(context.WithoutCancel(ctx), id)
			pause()
			return rec, err
		})
	},
}, {
	"reads with the context of the first", "ReloadSharesNoContext", func(b *broken) {
		shareReloads(b, func(ctx context.Context, id driver.ID) (driver.Record, error) {
			pause()
			return b.model.Load(ctx, id)
		})
	},
}, {
	"reports another record", "LoadReportedIsLoad", func(b *broken) {
		b.reported = func(ctx context.Context, id driver.ID) (driver.Record, bool, error) {
			rec, err := b.model.Load(ctx, id)
			rec.Subject = ""
			return rec, false, err
		}
	},
}, {
	"reports what is old", "LoadReportedIsLoad", func(b *broken) {
		c := &cache{}
		b.reported = func(ctx context.Context, id driver.ID) (driver.Record, bool, error) {
			if rec, ok := c.get(id); ok {
				return rec, true, nil
			}
			rec, err := b.model.Load(ctx, id)
			if err == nil {
				c.recs.Store(id, rec)
			}
			return rec, false, err
		}
	},
}, {
	"says that absence is cached", "LoadReportedIsLoad", func(b *broken) {
		b.reported = func(ctx context.Context, id driver.ID) (driver.Record, bool, error) {
			rec, err := b.model.Load(ctx, id)
			return rec, true, err
		}
	},
}}

// shareReloads makes a mutant whose Reload waits for a read that has begun already, and returns its answer.
func shareReloads(b *broken, read func(ctx context.Context, id driver.ID) (driver.Record, error)) {
	type flight struct {
		done chan struct{}
		rec  driver.Record
		err  error
	}
	var mu sync.Mutex
	flights := map[driver.ID]*flight{}
	b.reload = func(ctx context.Context, id driver.ID) (driver.Record, error) {
		mu.Lock()
		f, ok := flights[id]
		if !ok {
			f = &flight{done: make(chan struct{})}
			flights[id] = f
		}
		mu.Unlock()
		if ok {
			<-f.done
			return f.rec, f.err
		}
		f.rec, f.err = read(ctx, id)
		mu.Lock()
		delete(flights, id)
		mu.Unlock()
		close(f.done)
		return f.rec, f.err
	}
}
