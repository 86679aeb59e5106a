package storetest

import (
	"context"
	"errors"
	"iter"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// finding makes Check yield a problem of each record that is one by what is stored, and call repair with fix.
func finding(isOne func(b *broken, rec driver.Record) bool, repair func(b *broken, id driver.ID)) func(b *broken) {
	return func(b *broken) {
		b.check = func(ctx context.Context, fix bool) iter.Seq2[driver.Problem, error] {
			b.mu.Lock()
			defer b.mu.Unlock()
			var found []driver.ID
			for id, rec := range b.recs {
				if isOne(b, rec) {
					found = append(found, id)
				}
				if fix && repair != nil {
					repair(b, id)
				}
			}
			return func(yield func(driver.Problem, error) bool) {
				for _, id := range found {
					if !yield(driver.Problem{ID: id, What: "the index lacks it"}, nil) {
						return
					}
				}
			}
		}
	}
}

var checkerMutants = []mutant{
	{"misses a record of a newer format", "CheckFindsNoFault", finding(func(b *broken, rec driver.Record) bool { return b.newer[rec.ID] }, nil)},
	{"misses an expired record", "CheckFindsNoFault", finding(func(b *broken, rec driver.Record) bool { return !rec.Live(b.now()) }, nil)},
	{"takes a change under way for damage", "CheckFindsNoFault", finding(func(_ *broken, rec driver.Record) bool { return rec.Version > 1 }, nil)},
	{"repairs records", "CheckFindsNoFault", finding(func(*broken, driver.Record) bool { return false }, func(b *broken, id driver.ID) {
		rec := b.recs[id]
		rec.Version++
		b.recs[id] = rec
	})},
	{"repairs by removing what it cannot read", "CheckFindsNoFault", finding(func(*broken, driver.Record) bool { return false }, func(b *broken, id driver.ID) {
		if b.newer[id] {
			delete(b.recs, id)
		}
	})},
	{"cannot be checked", "CheckFindsNoFault", func(b *broken) {
		b.check = func(context.Context, bool) iter.Seq2[driver.Problem, error] {
			return func(yield func(driver.Problem, error) bool) {
				yield(driver.Problem{}, driver.Unavailable("model", errors.New("no permission")))
			}
		}
	}},
	{"checks what it remembers", "OutageIsUnavailable ContextCanceled", func(b *broken) {
		b.check = func(context.Context, bool) iter.Seq2[driver.Problem, error] {
			return func(func(driver.Problem, error) bool) {}
		}
	}},
}
