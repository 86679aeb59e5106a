package storetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var labelMutants = []mutant{
	{"forgets the labels", "LoadReturnsTheRecord LabelsAreKept", storing(func(rec *driver.Record) { rec.Labels = nil })},
	{"sorts the labels", "LabelsAreKept", storing(func(rec *driver.Record) { rec.Labels = slices.Sorted(slices.Values(rec.Labels)) })},
	{"keeps one label fewer", "LabelsAreKept LargestNames", storing(func(rec *driver.Record) {
		rec.Labels = rec.Labels[:min(len(rec.Labels), driver.MaxLabels-1)]
	})},
	{"joins the labels with commas", "LabelsAreKept ByLabelIsExact", storing(func(rec *driver.Record) {
		if len(rec.Labels) > 0 {
			rec.Labels = strings.Split(strings.Join(rec.Labels, ","), ",")
		}
	})},
	{"ends labels at NUL", "LabelsAreKept", storing(func(rec *driver.Record) {
		rec.Labels = slices.Clone(rec.Labels)
		for i := range rec.Labels {
			rec.Labels[i], _, _ = strings.Cut(rec.Labels[i], "\x00")
		}
	})},
	{"cuts labels off", "LabelsAreKept LargestNames", storing(func(rec *driver.Record) {
		rec.Labels = slices.Clone(rec.Labels)
		for i, label := range rec.Labels {
			rec.Labels[i] = label[:min(len(label), driver.MaxSubject-1)]
		}
	})},
	{"counts names as data", "LargestNames", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			if len(rec.Subject)+len(strings.Join(rec.Labels, ""))+len(rec.Data) > modelMax+driver.MaxSubject {
				return driver.ErrTooLarge
			}
			return b.model.Create(ctx, rec)
		}
	}},
}

// naming makes a mutant that lists by label the records, dead or alive, that match.
func naming(match func(b *broken, rec driver.Record, label string) bool) func(b *broken) {
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
	{"has one index for subjects and labels", "SubjectIsNoLabel", naming(func(_ *broken, rec driver.Record, label string) bool {
		return slices.Contains(rec.Labels, label) || label != "" && rec.Subject == label
	})},
	{"finds subjects by label", "SubjectIsNoLabel", matching(func(b *broken, rec driver.Record, subject string) bool {
		return subject != "" && rec.Live(b.now()) && (rec.Subject == subject || slices.Contains(rec.Labels, subject))
	})},
	{"has no label that is the subject", "SubjectIsNoLabel", naming(func(_ *broken, rec driver.Record, label string) bool {
		return rec.Subject != label && slices.Contains(rec.Labels, label)
	})},
	{"indexes the first label", "ByLabelListsTheLiving ByLabelIsExact", naming(func(_ *broken, rec driver.Record, label string) bool {
		return len(rec.Labels) > 0 && rec.Labels[0] == label
	})},
	{"folds the case of labels", "ByLabelIsExact", naming(func(_ *broken, rec driver.Record, label string) bool {
		return slices.ContainsFunc(rec.Labels, func(l string) bool { return strings.EqualFold(l, label) })
	})},
	{"searches labels as a text", "ByLabelIsExact AnonymousAreNotIndexed", naming(func(_ *broken, rec driver.Record, label string) bool {
		return strings.Contains(strings.Join(rec.Labels, ","), label)
	})},
	{"indexes labels at Create only", "ByLabelFollowsChanges IndexFollowsSucceed", func(b *broken) {
		first := map[driver.ID][]string{}
		b.create = func(ctx context.Context, rec *driver.Record) error {
			first[rec.ID] = rec.Labels
			return b.model.Create(ctx, rec)
		}
		naming(func(_ *broken, rec driver.Record, label string) bool { return slices.Contains(first[rec.ID], label) })(b)
	}},
	{"indexes labels again in Touch", "ClearedStaysUnlisted", func(b *broken) {
		touched := map[driver.ID]bool{}
		b.touch = func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
			touched[id] = true
			return b.model.Touch(ctx, id, version, used, expires)
		}
		naming(func(_ *broken, rec driver.Record, label string) bool {
			return touched[rec.ID] || slices.Contains(rec.Labels, label)
		})(b)
	}},
	{"keeps labels of the expired", "IndexForgetsTheExpired", func(b *broken) {
		all := map[driver.ID][]string{}
		b.create = func(ctx context.Context, rec *driver.Record) error {
			all[rec.ID] = append(all[rec.ID], rec.Labels...)
			return b.model.Create(ctx, rec)
		}
		naming(func(_ *broken, rec driver.Record, label string) bool { return slices.Contains(all[rec.ID], label) })(b)
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

// indexing is the set of records that Create has not indexed yet. All handles share it, since
// one looks for what another creates.
var indexing sync.Map

// indexLater returns what leaves records out of a walk until a moment after their Create.
func indexLater(b *broken) func(walk seq) seq {
	b.create = func(ctx context.Context, rec *driver.Record) error {
		id := rec.ID
		indexing.Store(id, true)
		go func() { pause(); indexing.Delete(id) }()
		return b.model.Create(ctx, rec)
	}
	return func(walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				if _, later := indexing.Load(rec.ID); !later && !yield(rec, err) {
					return
				}
			}
		}
	}
}
