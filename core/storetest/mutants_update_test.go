package storetest

import (
	"context"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// changeUpdate makes a mutant that stores something wrong in an Update that has to succeed. change gets the record that
// will be stored, the one that was stored before, and the one given.
func changeUpdate(change func(kept *driver.Record, before, given driver.Record)) func(b *broken) {
	return func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			if err := b.mayUpdate(ctx, rec); err != nil {
				return err
			}
			before, given := b.recs[rec.ID], *rec
			b.replace(rec)
			kept := b.recs[rec.ID]
			change(&kept, before, given)
			b.recs[rec.ID] = kept
			return nil
		}
	}
}

var updateMutants = []mutant{
	{"keeps the data in Update", "UpdateReplaces", changeUpdate(func(kept *driver.Record, before, _ driver.Record) {
		kept.Data = before.Data
	})},
	{"takes the subject from Update", "UpdateKeepsTheRest UpdateClears BySubjectFollowsChanges", changeUpdate(func(kept *driver.Record, _, given driver.Record) {
		kept.Subject = given.Subject
	})},
	{"takes the labels from Update", "UpdateKeepsTheRest UpdateClears ByLabelFollowsChanges", changeUpdate(func(kept *driver.Record, _, given driver.Record) {
		kept.Labels = given.Labels
	})},
	{"takes Created from Update", "UpdateKeepsTheRest", changeUpdate(func(kept *driver.Record, _, given driver.Record) {
		kept.Created = given.Created
	})},
	{"clears nothing", "UpdateClears TouchKeepsNewerData BySubjectFollowsChanges ByLabelFollowsChanges", changeUpdate(func(kept *driver.Record, before, _ driver.Record) {
		kept.Subject, kept.Labels = before.Subject, before.Labels
	})},
	{"clears the subject alone", "UpdateClears ByLabelFollowsChanges", changeUpdate(func(kept *driver.Record, before, _ driver.Record) {
		kept.Labels = before.Labels
	})},
	{"gives a cleared record a subject again", "UpdateClears BySubjectFollowsChanges", changeUpdate(func(kept *driver.Record, before, given driver.Record) {
		if before.Subject == "" {
			kept.Subject = given.Subject
		}
	})},
	{"takes Used from Update", "UpdateMovesTimesForward UpdateExactKeepsUsed HistoryIsConsistent", changeUpdate(func(kept *driver.Record, _, given driver.Record) {
		kept.Used = given.Used
	})},
	{"keeps Used in Update", "UpdateReplaces UpdateMovesTimesForward TimesToTheMicrosecond", changeUpdate(func(kept *driver.Record, before, _ driver.Record) {
		kept.Used = before.Used
	})},
	{"takes the deadline from Update", "UpdateMovesTimesForward UpdateWithdrawsNoLife UpdateExact", changeUpdate(func(kept *driver.Record, _, given driver.Record) {
		kept.Expires = given.Expires
	})},
	{"keeps the deadline in Update", "UpdateReplaces UpdateMovesTimesForward UpdateWithdrawsNoLife SweepLeavesTheTouched", changeUpdate(func(kept *driver.Record, before, _ driver.Record) {
		kept.Expires = before.Expires
	})},
	{"never shortens a life, even with Exact", "UpdateExact ShortLives", changeUpdate(func(kept *driver.Record, before, _ driver.Record) {
		kept.Expires = latest(before.Expires, kept.Expires)
	})},
	{"moves Used in Update only with the deadline", "UpdateMovesTimesForward", changeUpdate(func(kept *driver.Record, before, given driver.Record) {
		if !given.Expires.After(before.Expires) {
			kept.Used = before.Used
		}
	})},
	{"moves the deadline in Update only with Used", "UpdateMovesTimesForward", changeUpdate(func(kept *driver.Record, before, given driver.Record) {
		if !given.Used.After(before.Used) {
			kept.Expires = before.Expires
		}
	})},
	{"takes Exact for all times", "UpdateExactKeepsUsed", changeUpdate(func(kept *driver.Record, _, given driver.Record) {
		if given.Exact {
			kept.Used = given.Used
		}
	})},
	{"keeps Exact", "UpdateExact", changeUpdate(func(kept *driver.Record, _, given driver.Record) {
		kept.Exact = given.Exact
	})},
	{"tells in rec what it stored", "UpdateKeepsTheRest UpdateMovesTimesForward", func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if err == nil {
				*rec, err = b.model.Load(ctx, rec.ID)
			}
			return err
		}
	}},
}
