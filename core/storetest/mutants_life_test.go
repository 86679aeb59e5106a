package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var lifeMutants = []mutant{{
	"has no name", "InfoIsConstant", func(b *broken) {
		b.info = func() driver.Info { return driver.Info{} }
	},
}, {
	"does not answer", "PingAnswers", func(b *broken) {
		b.ping = func(context.Context) error { return driver.Unavailable("model", errors.New("connection refused")) }
	},
}, {
	"refuses calls while the storage answers", "BreakersAreClosed", func(b *broken) {
		b.breakers = func() map[string]bool { return map[string]bool{"memory": true} }
	},
}, {
	"has a part without a name", "BreakersAreClosed", func(b *broken) {
		b.breakers = func() map[string]bool { return map[string]bool{"": false} }
	},
}, {
	"names other parts each time", "BreakersAreClosed", func(b *broken) {
		n := 0
		b.breakers = func() map[string]bool { n++; return map[string]bool{fmt.Sprint(n): false} }
	},
}, {
	"hands out its own map", "BreakersAreClosed", func(b *broken) {
		own := map[string]bool{"memory": false}
		b.breakers = func() map[string]bool { return own }
	},
}, {
	"closes the storage for all", "CloseLeavesOthers", func(b *broken) {
		b.close = func() error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.down = driver.Unavailable("model", errors.New("closed"))
			return nil
		}
	},
}, {
	"forgets everything when closed", "CloseLeavesOthers", func(b *broken) {
		b.close = func() error {
			b.load = func(context.Context, driver.ID) (driver.Record, error) { return driver.Record{}, driver.ErrNotFound }
			return nil
		}
	},
}, {
	"finds everything when closed", "CloseLeavesOthers", func(b *broken) {
		b.close = func() error {
			load := b.load
			b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) {
				if rec, err := load(ctx, id); err == nil {
					return rec, nil
				}
				return driver.Record{}, nil
			}
			return nil
		}
	},
}, {
	"says when closed that it has created", "CloseLeavesOthers", func(b *broken) {
		b.close = func() error {
			b.create = func(context.Context, *driver.Record) error { return nil }
			return nil
		}
	},
}, {
	"says when closed that it has updated", "CloseLeavesOthers", func(b *broken) {
		b.close = func() error {
			b.update = func(context.Context, *driver.Record) error { return nil }
			return nil
		}
	},
}, {
	"says when closed that it has touched", "CloseLeavesOthers", func(b *broken) {
		b.close = func() error {
			b.touch = func(context.Context, driver.ID, uint64, time.Time, time.Time) error { return nil }
			return nil
		}
	},
}, {
	"says when closed that it has deleted", "CloseLeavesOthers", func(b *broken) {
		b.close = func() error {
			b.remove = func(context.Context, driver.ID) error { return nil }
			return nil
		}
	},
}}
