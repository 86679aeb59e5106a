package storetest

import (
	"context"
	"errors"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Watch implements driver.Watcher.
func (m *model) Watch(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error) {
	rec, err := m.Load(ctx, id)
	if err != nil {
		return rec, nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.watches == nil {
		m.watches = map[*driver.ID]func(){}
	}
	key := &id
	m.watches[key] = changed
	if now, ok := m.recs[id]; !ok || now.Version != rec.Version {
		go changed()
	}
	return rec, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.watches, key)
	}, nil
}

// tell calls those who watch a record. m.mu is held.
func (m *model) tell(id driver.ID) {
	for key, changed := range m.watches {
		if *key == id {
			go changed()
		}
	}
}

func changeWatch(change func(b *broken, rec driver.Record, stop func(), err error) (driver.Record, func(), error)) func(*broken) {
	return func(b *broken) {
		b.watch = func(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error) {
			rec, stop, err := b.model.Watch(ctx, id, changed)
			return change(b, rec, stop, err)
		}
	}
}

var watchMutants = []mutant{{
	"tells nothing", "WatchTells", changeWatch(func(_ *broken, rec driver.Record, stop func(), err error) (driver.Record, func(), error) {
		if err == nil {
			stop()
		}
		return rec, stop, err
	}),
}, {
	"watches what is absent", "WatchAbsent", changeWatch(func(_ *broken, rec driver.Record, stop func(), err error) (driver.Record, func(), error) {
		if errors.Is(err, driver.ErrNotFound) {
			return rec, func() {}, nil
		}
		return rec, stop, err
	}),
}, {
	"returns a stop with an error", "WatchAbsent", changeWatch(func(_ *broken, rec driver.Record, stop func(), err error) (driver.Record, func(), error) {
		return rec, func() {}, err
	}),
}, {
	"goes on after stop", "WatchStops", changeWatch(func(_ *broken, rec driver.Record, stop func(), err error) (driver.Record, func(), error) {
		if err == nil {
			stop = func() {}
		}
		return rec, stop, err
	}),
}, {
	"takes an outage for not found", "OutageIsUnavailable", changeWatch(func(_ *broken, rec driver.Record, stop func(), err error) (driver.Record, func(), error) {
		if errors.Is(err, driver.ErrUnavailable) {
			err = driver.ErrNotFound
		}
		return rec, stop, err
	}),
}, {
	"shows a record from before for ever", "WatchTells", func(b *broken) {
		c := withCache(b)
		b.watch = func(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error) {
			rec, stop, err := b.model.Watch(ctx, id, changed)
			if old, ok := c.get(id); ok && err == nil {
				rec = old
			}
			return rec, stop, err
		}
	},
}, {
	"takes a newer format for damage", "NewerIsKept", changeWatch(func(_ *broken, rec driver.Record, stop func(), err error) (driver.Record, func(), error) {
		if errors.Is(err, driver.ErrUnreadable) {
			err = driver.ErrCorrupt
		}
		return rec, stop, err
	}),
}}
