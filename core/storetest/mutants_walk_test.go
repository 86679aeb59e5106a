package storetest

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

type seq = iter.Seq2[driver.Record, error]

// walking makes a mutant whose walks are all changed in the same way.
func walking(change func(b *broken, walk seq) seq) func(b *broken) {
	return func(b *broken) {
		b.all = func(ctx context.Context) seq { return change(b, b.model.All(ctx)) }
		b.bySubject = func(ctx context.Context, subject string) seq { return change(b, b.model.BySubject(ctx, subject)) }
		b.byLabel = func(ctx context.Context, label string) seq { return change(b, b.model.ByLabel(ctx, label)) }
	}
}

// matching makes a mutant that lists the records, dead or alive, that match.
func matching(match func(b *broken, rec driver.Record, subject string) bool) func(b *broken) {
	return func(b *broken) {
		b.bySubject = func(ctx context.Context, subject string) seq {
			return func(yield func(driver.Record, error) bool) {
				b.mu.Lock()
				defer b.mu.Unlock()
				for _, rec := range b.recs {
					if match(b, rec, subject) && !yield(rec, b.ready(ctx)) {
						return
					}
				}
			}
		}
	}
}

var walkMutants = []mutant{
	{"lists some twice", "AllListsTheLiving AllDuringChanges BySubjectListsTheLiving BySubjectDuringChanges ByLabelListsTheLiving ByLabelDuringChanges", walking(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				for range 2 {
					if !yield(rec, err) {
						return
					}
				}
			}
		}
	})},
	{"lists one too few", "AllListsTheLiving AllMayBeLeft BySubjectListsTheLiving WalksMayBeLeft", walking(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			first := true
			for rec, err := range walk {
				if !first && !yield(rec, err) {
					return
				}
				first = false
			}
		}
	})},
	{"goes on after the loop has ended", "AllMayBeLeft WalksMayBeLeft", walking(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				yield(rec, err)
			}
		}
	})},
	{"lists once only", "AllMayBeLeft WalksMayBeLeft", walking(func(_ *broken, walk seq) seq {
		walked := false
		return func(yield func(driver.Record, error) bool) {
			if !walked {
				walked = true
				walk(yield)
			}
		}
	})},
	{"locks while it walks", "AllDuringChanges BySubjectDuringChanges ByLabelDuringChanges", walking(func(b *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				b.mu.Lock()
				more := yield(rec, err)
				b.mu.Unlock()
				if !more {
					return
				}
			}
		}
	})},
	{"hides errors in walks", "OutageIsUnavailable ContextCanceled", walking(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				if err != nil || !yield(rec, nil) {
					return
				}
			}
		}
	})},
	{"lists the expired", "BySubjectListsTheLiving BySubjectFollowsTouch", matching(func(_ *broken, rec driver.Record, subject string) bool {
		return subject != "" && rec.Subject == subject
	})},
	{"lists the anonymous", "AnonymousAreNotIndexed", matching(func(_ *broken, rec driver.Record, subject string) bool {
		return rec.Subject == subject
	})},
	{"has a collation", "BySubjectIsExact", matching(func(_ *broken, rec driver.Record, subject string) bool {
		return subject != "" && strings.EqualFold(rec.Subject, subject)
	})},
	{"has a collation that pads", "BySubjectIsExact", matching(func(_ *broken, rec driver.Record, subject string) bool {
		return strings.TrimRight(rec.Subject, " ") == strings.TrimRight(subject, " ")
	})},
	{"indexes prefixes", "BySubjectIsExact", matching(func(_ *broken, rec driver.Record, subject string) bool {
		return subject != "" && strings.HasPrefix(rec.Subject, subject)
	})},
	{"indexes at Create only", "BySubjectFollowsChanges IndexFollowsSucceed", indexOnce},
}

// indexOnce lists a record under the subject that it had when it was created.
func indexOnce(b *broken) {
	first := map[driver.ID]string{}
	b.create = func(ctx context.Context, rec *driver.Record) error {
		first[rec.ID] = rec.Subject
		return b.model.Create(ctx, rec)
	}
	matching(func(b *broken, rec driver.Record, subject string) bool {
		return rec.Live(b.now()) && subject != "" && first[rec.ID] == subject
	})(b)
}

var lifeMutants = []mutant{{
	"has no name", "InfoIsConstant", func(b *broken) {
		b.info = func() driver.Info { return driver.Info{} }
	},
}, {
	"does not answer", "PingAnswers", func(b *broken) {
		b.ping = func(context.Context) error { return driver.Unavailable("model", errors.New("connection refused")) }
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
