package storetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// listByLabel makes a mutant whose ByLabel yields the live records that match.
func listByLabel(match func(b *broken, rec driver.Record, label string) bool) func(b *broken) {
	return func(b *broken) {
		b.byLabel = func(ctx context.Context, label string) seq {
			return func(yield func(driver.Record, error) bool) {
				for rec := range b.walk(ctx, func(rec driver.Record) bool { return match(b, rec, label) }) {
					if !yield(rec, nil) {
						return
					}
				}
			}
		}
	}
}

var indexMutants = []mutant{
	{"has one index for subjects and labels", "SubjectIsNoLabel", listByLabel(func(_ *broken, rec driver.Record, label string) bool {
		return slices.Contains(rec.Labels, label) || label != "" && rec.Subject == label
	})},
	{"finds subjects by label", "SubjectIsNoLabel", listBySubject(func(b *broken, rec driver.Record, subject string) bool {
		return subject != "" && rec.Live(b.now()) && (rec.Subject == subject || slices.Contains(rec.Labels, subject))
	})},
	{"has no label that is the subject", "SubjectIsNoLabel", listByLabel(func(_ *broken, rec driver.Record, label string) bool {
		return rec.Subject != label && slices.Contains(rec.Labels, label)
	})},
	{"indexes the first label", "ByLabelListsTheLiving ByLabelIsExact", listByLabel(func(_ *broken, rec driver.Record, label string) bool {
		return len(rec.Labels) > 0 && rec.Labels[0] == label
	})},
	{"folds the case of labels", "ByLabelIsExact", listByLabel(func(_ *broken, rec driver.Record, label string) bool {
		return slices.ContainsFunc(rec.Labels, func(l string) bool { return strings.EqualFold(l, label) })
	})},
	{"searches labels as a text", "ByLabelIsExact AnonymousAreNotIndexed", listByLabel(func(_ *broken, rec driver.Record, label string) bool {
		return strings.Contains(strings.Join(rec.Labels, ","), label)
	})},
	{"indexes labels at Create only", "ByLabelFollowsChanges IndexFollowsSucceed", func(b *broken) {
		first := map[driver.ID][]string{}
		b.create = func(ctx context.Context, rec *driver.Record) error {
			first[rec.ID] = rec.Labels
			return b.model.Create(ctx, rec)
		}
		listByLabel(func(_ *broken, rec driver.Record, label string) bool { return slices.Contains(first[rec.ID], label) })(b)
	}},
	{"indexes labels again in Touch", "ClearedStaysUnlisted", func(b *broken) {
		touched := map[driver.ID]bool{}
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			touched[id] = true
			return b.model.Touch(ctx, id, version, used, expires)
		}
		listByLabel(func(_ *broken, rec driver.Record, label string) bool {
			return touched[rec.ID] || slices.Contains(rec.Labels, label)
		})(b)
	}},
	{"keeps labels of the expired", "IndexForgetsTheExpired", func(b *broken) {
		all := map[driver.ID][]string{}
		b.create = func(ctx context.Context, rec *driver.Record) error {
			all[rec.ID] = append(all[rec.ID], rec.Labels...)
			return b.model.Create(ctx, rec)
		}
		listByLabel(func(_ *broken, rec driver.Record, label string) bool { return slices.Contains(all[rec.ID], label) })(b)
	}},
	{"lists the expired by label", "ByLabelListsTheLiving BySubjectFollowsTouch", func(b *broken) {
		b.byLabel = func(ctx context.Context, label string) seq {
			return func(yield func(driver.Record, error) bool) {
				b.mu.Lock()
				defer b.mu.Unlock()
				for _, rec := range b.recs {
					if slices.Contains(rec.Labels, label) && !yield(rec, b.ready(ctx)) {
						return
					}
				}
			}
		}
	}},
	{"indexes subjects after Create has answered", "IndexKnowsWhatIsCreated", func(b *broken) {
		late := indexLater(b)
		bySubject := b.bySubject
		b.bySubject = func(ctx context.Context, subject string) seq { return late(bySubject(ctx, subject)) }
	}},
	{"indexes labels after Create has answered", "IndexKnowsWhatIsCreated", func(b *broken) {
		late := indexLater(b)
		byLabel := b.byLabel
		b.byLabel = func(ctx context.Context, label string) seq { return late(byLabel(ctx, label)) }
	}},
}

// notIndexedYet is the set of records that Create has not indexed yet. All handles share it, since
// one looks for what another creates.
var notIndexedYet sync.Map

// indexLater changes Create, and returns a function that leaves records out of a walk until a moment after their
// Create.
func indexLater(b *broken) func(walk seq) seq {
	b.create = func(ctx context.Context, rec *driver.Record) error {
		id := rec.ID
		notIndexedYet.Store(id, true)
		go func() { pause(); notIndexedYet.Delete(id) }()
		return b.model.Create(ctx, rec)
	}
	return func(walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				if _, later := notIndexedYet.Load(rec.ID); !later && !yield(rec, err) {
					return
				}
			}
		}
	}
}

// listBySubject makes a mutant whose BySubject yields the records that match, expired ones included.
func listBySubject(match func(b *broken, rec driver.Record, subject string) bool) func(b *broken) {
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

// indexOnce lists a record under the subject that it had when it was created.
func indexOnce(b *broken) {
	first := map[driver.ID]string{}
	b.create = func(ctx context.Context, rec *driver.Record) error {
		first[rec.ID] = rec.Subject
		return b.model.Create(ctx, rec)
	}
	listBySubject(func(b *broken, rec driver.Record, subject string) bool {
		return rec.Live(b.now()) && subject != "" && first[rec.ID] == subject
	})(b)
}
