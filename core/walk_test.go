package core_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// slowWalk is a store on a server: each step of a walk by subject takes a time, unless the context ends first.
type slowWalk struct {
	*memstore.Store
	step  time.Duration
	watch func(context.Context, time.Duration) error
}

func (slowWalk) Info() driver.Info { return driver.Info{Name: "slowwalk"} }

func (w slowWalk) BySubject(ctx context.Context, subject string) iter.Seq2[driver.Record, error] {
	return func(yield func(driver.Record, error) bool) {
		for rec, err := range w.Store.BySubject(ctx, subject) {
			if e := w.watch(ctx, w.step); e != nil {
				rec, err = driver.Record{}, driver.Unavailable("slowwalk", e)
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// A store hears of the end in one of three ways.
var watches = map[string]func(context.Context, time.Duration) error{
	"Done": func(ctx context.Context, d time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	},
	"Deadline": func(ctx context.Context, d time.Duration) error { // as a connection is given it
		if at, ok := ctx.Deadline(); ok && time.Until(at) < d {
			time.Sleep(time.Until(at))
			return context.DeadlineExceeded
		}
		time.Sleep(d)
		return nil
	},
	"child": func(ctx context.Context, d time.Duration) error { // a timeout of its own for each call
		ctx, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(d):
			return nil
		}
	},
}

// walked goes through alice's ten sessions at a store whose steps take so long, and returns how many came.
func walked(t *testing.T, watch func(context.Context, time.Duration) error, step time.Duration, body func(*core.Manager, *core.Session)) (n int, err error) {
	t.Helper()
	store := made.Of(memstore.New(memstore.Config{}))
	m := newManager(t, core.Config{Store: slowWalk{store, step, watch}, StoreTimeout: 2 * time.Second})
	for range 10 {
		newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
	}
	for s, err := range m.Sessions(ctx, "alice") {
		if err != nil {
			return n, err
		}
		n++
		if body != nil {
			body(m, s)
		}
	}
	return n, nil
}

// The body of a loop over sessions may take as long as it likes: only the store's own time counts.
func TestSlowLoopIsNoOutage(t *testing.T) {
	for name, watch := range watches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, err := walked(t, watch, 150*time.Millisecond, func(m *core.Manager, s *core.Session) {
					time.Sleep(time.Minute)
					must(t, m.Revoke(ctx, s.ID()))
				})
				if n != 10 || err != nil {
					t.Errorf("%d of 10 sessions, %v", n, err)
				}
			})
		})
	}
}

// The store's time counts over the whole walk, and not for each step anew.
func TestSlowStoreIsAnOutage(t *testing.T) {
	for name, watch := range watches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, bodies := time.Now(), time.Duration(0)
				n, err := walked(t, watch, 300*time.Millisecond, func(*core.Manager, *core.Session) {
					time.Sleep(5 * time.Second)
					bodies += 5 * time.Second
				})
				if n != 6 || !errors.Is(err, core.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%d sessions before the end, want 6; %v", n, err)
				}
				if took := time.Since(start) - bodies; took != 2*time.Second {
					t.Errorf("the store had %v, want 2s", took)
				}
			})
		})
	}
}

// The caller's context counts all the time, also in the body.
func TestCallerEndsAWalk(t *testing.T) {
	for name, watch := range watches {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t, core.Config{Store: slowWalk{made.Of(memstore.New(memstore.Config{})), 100 * time.Millisecond, watch}})
				for range 3 {
					newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
				}
				ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
				defer cancel()
				n, last := 0, error(nil)
				for _, err := range m.Sessions(ctx, "alice") {
					if last = err; err == nil {
						n++
						time.Sleep(10 * time.Second)
						synctest.Wait()
					}
				}
				if n != 1 || !errors.Is(last, core.ErrUnavailable) || !errors.Is(last, context.DeadlineExceeded) {
					t.Errorf("%d sessions, %v", n, last)
				}
			})
		})
	}
}

// However a loop ends, the context that the store was given ends with it.
func TestLeftLoopEndsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var given context.Context
		n := 0
		store := slowWalk{made.Of(memstore.New(memstore.Config{})), time.Millisecond, func(ctx context.Context, _ time.Duration) error {
			given = ctx
			return nil
		}}
		m := newManager(t, core.Config{Store: store})
		for range 2 {
			newBrowser(t, m).visit(func(s *core.Session) { must(t, s.Login("alice")) })
		}
		for range m.Sessions(ctx, "alice") {
			n++
			break
		}
		if n != 1 || given.Err() != context.Canceled {
			t.Errorf("after %d sessions: %v", n, given.Err())
		}
		func() {
			defer func() { _ = recover() }()
			for range m.Sessions(ctx, "alice") {
				panic("in the body")
			}
		}()
		if given.Err() != context.Canceled {
			t.Errorf("after a panic: %v", given.Err())
		}
	})
}
