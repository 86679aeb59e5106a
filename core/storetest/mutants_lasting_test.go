package storetest

import (
	"context"
	"unsafe"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// lends makes a mutant whose records lie in memory that later writes use again, as the pages of a mapped file do.
func lends(lend func(rec *driver.Record, page []byte)) func(b *broken) {
	return func(b *broken) {
		var pages [16][1 << 12]byte
		n := 0
		lent := func(rec driver.Record, err error) (driver.Record, error) {
			if err == nil {
				b.mu.Lock()
				defer b.mu.Unlock()
				n++
				lend(&rec, pages[n%len(pages)][:])
			}
			return rec, err
		}
		b.load = func(ctx context.Context, id driver.ID) (driver.Record, error) { return lent(b.model.Load(ctx, id)) }
	}
}

// text puts the text into the page, and returns it from there.
func text(page []byte, s string) string {
	return unsafe.String(&page[0], copy(page, s))
}

var lastingMutants = []mutant{
	{"lends Data", "WhatWasReadStays", lends(func(rec *driver.Record, page []byte) {
		rec.Data = page[:copy(page, rec.Data):len(rec.Data)]
	})},
	{"lends the subject", "WhatWasReadStays", lends(func(rec *driver.Record, page []byte) {
		rec.Subject = text(page, rec.Subject)
	})},
	{"lends the labels", "WhatWasReadStays", lends(func(rec *driver.Record, page []byte) {
		for i, label := range rec.Labels {
			rec.Labels = append([]string{}, rec.Labels...)
			rec.Labels[i] = text(page[i*100:], label)
		}
	})},
	{"lends Data in walks", "WhatWasReadStays", changeWalks(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			page := make([]byte, 1<<12)
			for rec, err := range walk {
				rec.Data = page[:copy(page, rec.Data):len(rec.Data)]
				if !yield(rec, err) {
					return
				}
			}
		}
	})},
	{"lends Data in Reload", "WhatWasReadStays", func(b *broken) {
		page := make([]byte, 1<<12)
		b.reload = func(ctx context.Context, id driver.ID) (driver.Record, error) {
			rec, err := b.model.Load(ctx, id)
			rec.Data = page[:copy(page, rec.Data):len(rec.Data)]
			return rec, err
		}
	}},
}
