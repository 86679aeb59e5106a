package storetest

import (
	"context"
	"iter"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

type seq = iter.Seq2[driver.Record, error]

// changeWalks makes a mutant that changes all its walks in the same way.
func changeWalks(change func(b *broken, walk seq) seq) func(b *broken) {
	return func(b *broken) {
		b.all = func(ctx context.Context) seq { return change(b, b.model.All(ctx)) }
		b.bySubject = func(ctx context.Context, subject string) seq { return change(b, b.model.BySubject(ctx, subject)) }
		b.byLabel = func(ctx context.Context, label string) seq { return change(b, b.model.ByLabel(ctx, label)) }
	}
}

var walkMutants = []mutant{
	{"lists some twice", "AllListsTheLiving AllDuringChanges BySubjectListsTheLiving BySubjectDuringChanges ByLabelListsTheLiving ByLabelDuringChanges", changeWalks(func(_ *broken, walk seq) seq {
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
	{"lists one too few", "AllListsTheLiving AllMayBeLeft BySubjectListsTheLiving WalksMayBeLeft", changeWalks(func(_ *broken, walk seq) seq {
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
	{"goes on after the loop has ended", "AllMayBeLeft WalksMayBeLeft", changeWalks(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				yield(rec, err)
			}
		}
	})},
	{"lists once only", "AllMayBeLeft WalksMayBeLeft", changeWalks(func(_ *broken, walk seq) seq {
		walked := false
		return func(yield func(driver.Record, error) bool) {
			if !walked {
				walked = true
				walk(yield)
			}
		}
	})},
	{"locks while it walks", "AllDuringChanges BySubjectDuringChanges ByLabelDuringChanges", changeWalks(func(b *broken, walk seq) seq {
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
	{"hides errors in walks", "OutageIsUnavailable ContextCanceled", changeWalks(func(_ *broken, walk seq) seq {
		return func(yield func(driver.Record, error) bool) {
			for rec, err := range walk {
				if err != nil || !yield(rec, nil) {
					return
				}
			}
		}
	})},
	{"lists the expired", "BySubjectListsTheLiving BySubjectFollowsTouch", listBySubject(func(_ *broken, rec driver.Record, subject string) bool {
		return subject != "" && rec.Subject == subject
	})},
	{"lists the anonymous", "AnonymousAreNotIndexed", listBySubject(func(_ *broken, rec driver.Record, subject string) bool {
		return rec.Subject == subject
	})},
	{"has a collation", "BySubjectIsExact", listBySubject(func(_ *broken, rec driver.Record, subject string) bool {
		return subject != "" && strings.EqualFold(rec.Subject, subject)
	})},
	{"has a collation that pads", "BySubjectIsExact", listBySubject(func(_ *broken, rec driver.Record, subject string) bool {
		return strings.TrimRight(rec.Subject, " ") == strings.TrimRight(subject, " ")
	})},
	{"indexes prefixes", "BySubjectIsExact", listBySubject(func(_ *broken, rec driver.Record, subject string) bool {
		return subject != "" && strings.HasPrefix(rec.Subject, subject)
	})},
	{"indexes at Create only", "BySubjectFollowsChanges IndexFollowsSucceed", indexOnce},
}
