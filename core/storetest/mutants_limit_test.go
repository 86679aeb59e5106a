package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// limitBy makes a mutant whose CreateLimited takes all records for found, and lets choose say which to remove.
func limitBy(choose func(b *broken, rec *driver.Record, limit driver.Limit, found []driver.Record) ([]driver.ID, error)) func(b *broken) {
	return func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if err := b.mayCreate(ctx, rec); err != nil {
				return nil, err
			}
			remove, err := choose(b, rec, limit, valuesOf(b.recs))
			if err != nil {
				return nil, err
			}
			b.put(rec, 1)
			for _, id := range remove {
				delete(b.recs, id)
				delete(b.newer, id)
			}
			return remove, nil
		}
	}
}

// readable are the live records of rec's subject that can be read, and how many others there are.
func (b *broken) readable(rec *driver.Record, found []driver.Record) (recs []driver.Record, newer []driver.ID) {
	for _, r := range found {
		switch {
		case r.Subject != rec.Subject || !r.Live(b.now()):
		case b.newer[r.ID]:
			newer = append(newer, r.ID)
		default:
			recs = append(recs, r)
		}
	}
	return recs, newer
}

// limitFound makes a mutant that finds the wrong records, and goes by the rule for those.
func limitFound(find func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID)) func(b *broken) {
	return limitBy(func(b *broken, rec *driver.Record, limit driver.Limit, found []driver.Record) ([]driver.ID, error) {
		recs, newer := find(b, rec, found)
		return limit.Surplus(rec, recs, newer)
	})
}

// limitAs makes a mutant that goes by another limit.
func limitAs(change func(limit *driver.Limit)) func(b *broken) {
	return limitBy(func(b *broken, rec *driver.Record, limit driver.Limit, found []driver.Record) ([]driver.ID, error) {
		change(&limit)
		recs, newer := b.readable(rec, found)
		return limit.Surplus(rec, recs, newer)
	})
}

// each returns the records that match, changed as change says.
func each(recs []driver.Record, change func(r *driver.Record)) []driver.Record {
	for i := range recs {
		change(&recs[i])
	}
	return recs
}

var limitMutants = []mutant{
	{"creates without a limit", "LimitRemovesTheOldest LimitRefuses LimitedIsGone LimitIsExact", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, _ driver.Limit) ([]driver.ID, error) {
			return nil, b.model.Create(ctx, rec)
		}
	}},
	{"loses the labels in CreateLimited", "LimitInserts", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			bare := *rec
			bare.Labels = nil
			removed, err := b.model.CreateLimited(ctx, &bare, limit)
			rec.Version = bare.Version
			return removed, err
		}
	}},
	{"forgets the version in CreateLimited", "LimitInserts", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			forgetful := *rec
			return b.model.CreateLimited(ctx, &forgetful, limit)
		}
	}},
	{"does not say what it has removed", "LimitRemovesTheOldest", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			_, err := b.model.CreateLimited(ctx, rec, limit)
			return nil, err
		}
	}},
	{"says more than it has removed", "LimitOrNothing", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			removed, err := b.model.CreateLimited(ctx, rec, limit)
			return append(removed, newID()), err
		}
	}},
	{"removes by ID alone", "LimitRemovesTheOldest", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		recs, newer := b.readable(rec, found)
		return each(recs, func(r *driver.Record) { r.Created = rec.Created }), newer
	})},
	{"removes by Created alone", "LimitRemovesTheOldest", limitBy(func(b *broken, rec *driver.Record, limit driver.Limit, found []driver.Record) ([]driver.ID, error) {
		recs, newer := b.readable(rec, found)
		remove, err := limit.Surplus(rec, recs, newer)
		slices.SortFunc(recs, func(x, y driver.Record) int {
			if c := x.Created.Compare(y.Created); c != 0 {
				return c
			}
			return bytes.Compare(y.ID[:], x.ID[:])
		})
		for i := range remove {
			remove[i] = recs[i].ID
		}
		return remove, err
	})},
	{"removes the least recently used", "LimitRemovesTheOldest", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		recs, newer := b.readable(rec, found)
		return each(recs, func(r *driver.Record) { r.Created = r.Used }), newer
	})},
	{"removes the new record if it is the oldest", "LimitRemovesTheOldest", limitBy(func(b *broken, rec *driver.Record, limit driver.Limit, found []driver.Record) ([]driver.ID, error) {
		recs, newer := b.readable(rec, found)
		remove, err := limit.Surplus(rec, recs, newer)
		for i := range remove {
			if !slices.ContainsFunc(recs, func(r driver.Record) bool { return r.Created.Before(rec.Created) }) {
				remove[i] = rec.ID
			}
		}
		return remove, err
	})},
	{"takes the user's name from what it removes", "LimitedIsGone", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			b.mu.Lock()
			before := map[driver.ID]driver.Record{}
			for id, r := range b.recs {
				before[id] = r
			}
			b.mu.Unlock()
			removed, err := b.model.CreateLimited(ctx, rec, limit)
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, id := range removed {
				left := before[id]
				left.Subject, left.Labels = "", nil
				b.recs[id] = left
			}
			return removed, err
		}
	}},
	{"allows one less", "LimitRefuses", limitAs(func(limit *driver.Limit) { limit.Most-- })},
	{"allows one more", "LimitRefuses LimitIsExact", limitAs(func(limit *driver.Limit) { limit.Most++ })},
	{"never refuses", "LimitRefuses", limitAs(func(limit *driver.Limit) { limit.Refuse = false })},
	{"always refuses", "LimitRemovesTheOldest", limitAs(func(limit *driver.Limit) { limit.Refuse = true })},
	{"knows no exceptions", "LimitExcepts", limitAs(func(limit *driver.Limit) { limit.Except = nil })},
	{"knows one exception", "LimitExcepts", limitAs(func(limit *driver.Limit) { limit.Except = limit.Except[:min(1, len(limit.Except))] })},
	{"inserts what it refuses", "LimitRefuses", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			removed, err := b.model.CreateLimited(ctx, rec, limit)
			if errors.Is(err, driver.ErrLimit) {
				inserted := *rec
				_ = b.model.Create(ctx, &inserted)
			}
			return removed, err
		}
	}},
	{"removes before it inserts", "LimitOrNothing", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			trial := *rec
			trial.ID, trial.Data = newID(), nil
			removed, err := b.model.CreateLimited(ctx, &trial, limit)
			if err != nil {
				return nil, err
			}
			_ = b.model.Delete(ctx, trial.ID)
			if err := b.model.Create(ctx, rec); err != nil {
				return nil, err
			}
			return removed, nil
		}
	}},
	{"counts the expired", "LimitCountsTheLiving", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		return slices.DeleteFunc(found, func(r driver.Record) bool { return r.Subject != rec.Subject }), nil
	})},
	{"counts the ended", "LimitCountsTheLiving", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		recs, newer := b.readable(rec, found)
		return each(recs, func(r *driver.Record) { r.Data = nil }), newer
	})},
	{"counts all namespaces", "LimitIsForOneUser", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		recs, newer := b.readable(rec, found)
		return each(recs, func(r *driver.Record) { copy(r.ID[16:], rec.ID[16:]) }), newer
	})},
	{"counts all users", "LimitIsForOneUser", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		return found, nil
	})},
	{"folds the case of users in CreateLimited", "LimitIsForOneUser", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		return slices.DeleteFunc(found, func(r driver.Record) bool { return !strings.EqualFold(r.Subject, rec.Subject) }), nil
	})},
	{"counts labels as users", "LimitIsForOneUser", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		return slices.DeleteFunc(found, func(r driver.Record) bool { return r.Subject != rec.Subject && !slices.Contains(r.Labels, rec.Subject) }), nil
	})},
	{"passes over a newer format in CreateLimited", "LimitCountsTheNewer", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		recs, _ := b.readable(rec, found)
		return recs, nil
	})},
	{"removes a newer format", "LimitCountsTheNewer", limitFound(func(b *broken, rec *driver.Record, found []driver.Record) ([]driver.Record, []driver.ID) {
		return slices.DeleteFunc(found, func(r driver.Record) bool { return r.Subject != rec.Subject || !r.Live(b.now()) }), nil
	})},
	{"looks before it creates", "LimitIsExact", func(b *broken) {
		b.createLimited = func(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
			b.mu.Lock()
			recs, newer := b.readable(rec, valuesOf(b.recs))
			b.mu.Unlock()
			remove, err := limit.Surplus(rec, recs, newer)
			if err != nil {
				return nil, err
			}
			pause()
			if err := b.model.Create(ctx, rec); err != nil {
				return nil, err
			}
			for _, id := range remove {
				_ = b.model.Delete(ctx, id)
			}
			return remove, nil
		}
	}},
	{"counts the records of all namespaces", "CountsTheLiving", countBy(func(b *broken, r driver.Record, _ [16]byte) bool { return r.Live(b.now()) })},
	{"counts records that have expired", "CountsTheLiving", countBy(func(_ *broken, r driver.Record, namespace [16]byte) bool {
		return [16]byte(r.ID[16:]) == namespace
	})},
	{"counts only users", "CountsTheLiving", countBy(func(b *broken, r driver.Record, namespace [16]byte) bool {
		return r.Live(b.now()) && [16]byte(r.ID[16:]) == namespace && r.Subject != ""
	})},
}

func valuesOf(recs map[driver.ID]driver.Record) (all []driver.Record) {
	for _, r := range recs {
		all = append(all, r)
	}
	return all
}

func countBy(counts func(b *broken, r driver.Record, namespace [16]byte) bool) func(b *broken) {
	return func(b *broken) {
		b.count = func(_ context.Context, namespace [16]byte) (n int, err error) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, r := range b.recs {
				if counts(b, r, namespace) {
					n++
				}
			}
			return n, nil
		}
	}
}
