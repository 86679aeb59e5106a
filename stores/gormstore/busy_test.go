package gormstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// TestBusyUntilTheDeadline: how long a busy database is tried is the caller's to say: core's StoreTimeout may be longer
// than the store's own retryFor, which is for a caller who has not said.
func TestBusyUntilTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, f := newFake(t, Config{})
		busy := func(d time.Duration) {
			free := time.Now().Add(d)
			f.answers(func() (int64, error) {
				if time.Now().Before(free) {
					return 0, codeError(5)
				}
				return 1, nil
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		busy(10 * retryFor)
		if err := s.Update(ctx, new(driver.Record)); err != nil {
			t.Errorf("with a minute's time, busy for %v: %v", 10*retryFor, err)
		}
		busy(10 * retryFor)
		start := time.Now()
		err := s.Update(context.Background(), new(driver.Record))
		if took := time.Since(start); !errors.Is(err, codeError(5)) || took < retryFor || took > 2*retryFor {
			t.Errorf("without a deadline: %v after %v", err, took)
		}
	})
}
