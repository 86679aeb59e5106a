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
		{"UpdateIsNoUpsert", `Update: error is "model: session was changed by another request" (driver.ErrConflict), want driver.ErrNotFound`,
			changeUpdateError(errNotFound, errConflict)},
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

// A store that does not go by Harness.Clock fails the rule about it before all others, and is told so. No other failure
// speaks of the clock.
func TestOtherClockFailsItsRuleFirst(t *testing.T) {
	for ahead, want := range map[time.Duration]string{0: "the store's clock is behind", 2 * time.Hour: "the store's clock is ahead"} {
		clock := NewClock()
		start := clock.Now()
		h := modelHarness(clock, func(m *model) driver.Store {
			m.now = func() time.Time { return start.Add(ahead) } // it stands
			return m
		})
		for i, r := range rules {
			_, failures := check(t, h, r)
			if text := strings.Join(failures, "\n"); strings.Contains(text, "clock") != (i == 0) || i == 0 && !strings.Contains(text, want) {
				t.Errorf("%v ahead, %s: failures %q, want %q from the first rule alone", ahead, r.name, failures, want)
			}
			if strings.HasPrefix(r.name, "Delete") { // enough
				break
			}
		}
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
