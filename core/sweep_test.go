package core_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func observeSweeps(n *int) func(context.Context, core.Event) {
	return func(_ context.Context, e core.Event) {
		if e.Kind == core.EventSweep {
			*n += e.Count
		}
	}
}

func TestSweeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := made.Of(memstore.New(memstore.Config{}))
		var swept int
		m := newManager(t, core.Config{Store: store, IdleTimeout: time.Minute, SweepInterval: time.Hour,
			Observer: observeSweeps(&swept)})
		for range 10 {
			newBrowser(t, m).visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if swept != 10 {
			t.Errorf("swept %d of 10", swept)
		}
		must(t, m.Close())
		must(t, m.Close())
	})
}

// A sweep in the background that fails is an outage, and the Observer hears why.
func TestBackgroundSweepSaysUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault := storetest.NewFault(made.Of(memstore.New(memstore.Config{})))
		fault.Before(func(storetest.Call) error { return errRefused })
		var told []error
		m, err := core.New(core.Config{
			Store: fault.Store(), SweepInterval: time.Minute,
			Observer: func(_ context.Context, e core.Event) {
				if e.Kind == core.EventSweep {
					told = append(told, e.Err)
				}
			},
		})
		must(t, err)
		time.Sleep(90 * time.Second)
		must(t, m.Close())
		if len(told) != 1 || !errors.Is(told[0], core.ErrUnavailable) || !errors.Is(told[0], errRefused) {
			t.Errorf("told of %v", told)
		}
	})
}
