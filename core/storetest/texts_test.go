package storetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// Authors of stores read the failures. Each names what is wrong in the words of package driver, and the call.
func TestFailureTexts(t *testing.T) {
	for _, c := range []struct {
		rule, want string
		change     func(b *broken)
	}{
		{"UpdateComparesVersion", `Update: error is nil, want driver.ErrConflict`, func(b *broken) {
			b.update = func(context.Context, *driver.Record) error { return nil }
		}},
		{"UpdateIsNoUpsert", `Update: error is "session was changed by another request" (driver.ErrConflict), want driver.ErrNotFound`,
			changeUpdateError(driver.ErrNotFound, driver.ErrConflict)},
		{"DeleteRemoves", "Load, after Delete: error is nil, want driver.ErrNotFound", func(b *broken) {
			b.remove = func(context.Context, driver.ID) error { return nil }
		}},
		{"InfoIsConstant", "Info: Name is empty", func(b *broken) {
			b.info = func() driver.Info { return driver.Info{InMemory: true} }
		}},
		{"AllListsTheLiving", "is listed twice", changeWalks(func(_ *broken, walk seq) seq {
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
		{"AllListsTheLiving", "is listed and should not be", changeWalks(func(b *broken, _ seq) seq {
			return func(yield func(driver.Record, error) bool) {
				b.mu.Lock()
				var all []driver.Record
				for _, rec := range b.recs {
					all = append(all, rec)
				}
				b.mu.Unlock()
				for _, rec := range append(all, driver.Record{ID: driver.ID{1}}) {
					if !yield(rec, nil) {
						return
					}
				}
			}
		})},
		{"UpdateClears", `Load through the second handle, after Update: Subject "alice", want ""`,
			changeUpdate(func(kept *driver.Record, before, _ driver.Record) { kept.Subject = before.Subject })},
		{"TouchExtends", "Load through the second handle, after Touch: Used", func(b *broken) {
			b.touch = func(context.Context, driver.ID, uint64, time.Time, time.Time) error { return nil }
		}},
		{"OneUpdaterWins", "Load through the second handle, after Update: ", changeUpdate(func(kept *driver.Record, before, _ driver.Record) {
			kept.Data = before.Data
		})},
	} {
		h := modelHarness(NewClock(), func(m *model) driver.Store { return breakModel(m, c.change) })
		if _, failures := check(t, h, ruleNamed(t, c.rule)); !strings.Contains(strings.Join(failures, "\n"), c.want) {
			t.Errorf("%s: failures %q, want %q", c.rule, failures, c.want)
		}
	}
}

func changeUpdateError(from, to error) func(b *broken) {
	return func(b *broken) {
		b.update = func(ctx context.Context, rec *driver.Record) error {
			err := b.model.Update(ctx, rec)
			if err == from {
				err = to
			}
			return err
		}
	}
}

// A store that does not go by Harness.Clock fails many rules. Each of the first ones asks for the clock.
func TestTextAsksForTheClock(t *testing.T) {
	ahead := func(by time.Duration) Harness {
		clock := NewClock()
		h := modelHarness(clock, func(m *model) driver.Store {
			start := clock.Now()
			m.now = func() time.Time { return start.Add(by) } // it stands
			return m
		})
		return h
	}
	for rule, h := range map[string]Harness{
		"CreateOverExpired":    ahead(0),                // the expired record exists
		"DeadlineIsExact":      ahead(0),                // and is found
		"ShortLives":           ahead(0),                //
		"UpdateExact":          ahead(40 * time.Minute), // the live record is not found
		"TouchExtends":         ahead(2 * time.Hour),
		"LoadReturnsTheRecord": ahead(2 * time.Hour),
	} {
		_, failures := check(t, h, ruleNamed(t, rule))
		if len(failures) != 1 || !strings.Contains(failures[0], "is Harness.Clock the store's clock?") {
			t.Errorf("%s: failures %q", rule, failures)
		}
	}
	h := modelHarness(NewClock(), func(m *model) driver.Store {
		return breakModel(m, func(b *broken) { b.remove = func(context.Context, driver.ID) error { return nil } })
	})
	if _, failures := check(t, h, ruleNamed(t, "DeleteRemoves")); strings.Contains(strings.Join(failures, ""), "Clock") {
		t.Errorf("a record that lives on is no matter of the clock: %q", failures)
	}
}

// A store that forgets to set rec.Version in Update fails the rule about it before all others, and is told so.
func TestForgottenVersionFailsItsRuleFirst(t *testing.T) {
	h := modelHarness(NewClock(), func(m *model) driver.Store {
		return breakModel(m, func(b *broken) {
			b.update = func(ctx context.Context, rec *driver.Record) error {
				forgetful := *rec
				return b.model.Update(ctx, &forgetful)
			}
		})
	})
	i := slices.IndexFunc(rules, func(r rule) bool { _, failures := check(t, h, r); return len(failures) > 0 })
	if i < 0 || rules[i].name != "UpdateReplaces" {
		t.Fatalf("rule %d fails first", i)
	}
	_, failures := check(t, h, rules[i])
	if want := "rec.Version is 1 after Update, was 1"; !strings.Contains(strings.Join(failures, "\n"), want) {
		t.Errorf("failures %q, want %q", failures, want)
	}
}
