package cachedstore

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

type inspector struct {
	s            *Store
	truth, cache driver.Inspector // cache may be nil
}

// Inspect implements driver.Inspector with the findings of both stores. A cache that does not answer is a finding, and
// no error, since the truth answers in its place.
func (i inspector) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	if err := ctx.Err(); err != nil {
		return nil, driver.Unavailable("cachedstore: inspect", err)
	}
	add := func(place string, of []driver.Finding) {
		for _, f := range of {
			f.Name = place + f.Name
			found = append(found, f)
		}
	}
	if i.cache != nil {
		cacheCtx, cancel := i.s.cacheContext(ctx)
		of, err := i.cache.Inspect(cacheCtx)
		cancel()
		answers := driver.Finding{Name: "cache", Value: "answers"}
		if err != nil {
			answers.Value = "does not answer"
			answers.Warning = "sessions are read from the truth, which is slower: " + err.Error()
		}
		found = append(found, answers)
		add("cache: ", of)
	}
	of, err := i.truth.Inspect(ctx)
	add("truth: ", of)
	return found, err
}
