package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const contextRule = "If the context ends first, a method returns soon, with an error that matches ErrUnavailable and the context's error."

var errorRules = []rule{{
	name: "ContextCanceled",
	text: contextRule,
	run: func(e *env) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		checkEndedContext(e, ctx)
	},
}, {
	name: "ContextDeadline",
	text: contextRule,
	run: func(e *env) {
		ctx, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
		defer cancel()
		checkEndedContext(e, ctx)
	},
}, {
	name: "OutageIsUnavailable",
	text: "An outage is never \"not found\": every failure of the storage is ErrUnavailable, and the call returns by its deadline. " + textRule,
	run: func(e *env) {
		if len(e.h.Outages) == 0 {
			e.Skip("no Harness.Outages")
		}
		for _, name := range slices.Sorted(maps.Keys(e.h.Outages)) {
			checkOutage(e, name)
		}
	},
}}

// longestCall is much more time than a call with an ended context needs, even on a busy machine.
const longestCall = 5 * time.Second

// call is one call of a method, with its arguments.
type call struct {
	name string
	run  func(ctx context.Context, s driver.Store) error
}

// calls returns a call of every method that s has, for a record that it holds. Each of them needs the storage.
func calls(s driver.Store, rec driver.Record) []call {
	all := []call{
		{"Load", func(ctx context.Context, s driver.Store) error { _, err := s.Load(ctx, rec.ID); return err }},
		{"Load of an absent record", func(ctx context.Context, s driver.Store) error { _, err := s.Load(ctx, newID()); return err }},
		{"Create", func(ctx context.Context, s driver.Store) error { r := rec; r.ID = newID(); return s.Create(ctx, &r) }},
		{"Update", func(ctx context.Context, s driver.Store) error { r := rec; return s.Update(ctx, &r) }},
		{"Touch", func(ctx context.Context, s driver.Store) error {
			return s.Touch(ctx, rec.ID, rec.Version, rec.Used.Add(long), rec.Expires.Add(long))
		}},
		{"Delete", func(ctx context.Context, s driver.Store) error { return s.Delete(ctx, newID()) }},
	}
	return append(all, optionalCalls(abilitiesOf(s), rec)...)
}

func optionalCalls(can driver.Abilities, rec driver.Record) (all []call) {
	add := func(name string, run func(ctx context.Context) error) {
		all = append(all, call{name, func(ctx context.Context, _ driver.Store) error { return run(ctx) }})
	}
	if can.Successor != nil {
		add("Succeed", func(ctx context.Context) error {
			old, next := rec, rec
			old.Subject, next.ID = "", newID()
			return can.Successor.Succeed(ctx, &old, &next)
		})
	}
	if can.Reloader != nil {
		add("Reload", func(ctx context.Context) error { _, err := can.Reloader.Reload(ctx, rec.ID); return err })
		add("Reload of an absent record", func(ctx context.Context) error { _, err := can.Reloader.Reload(ctx, newID()); return err })
	}
	if can.Sweeper != nil {
		add("Sweep", func(ctx context.Context) error { _, err := can.Sweeper.Sweep(ctx, 10); return err })
	}
	if can.Lister != nil {
		add("All", func(ctx context.Context) error { return lastError(can.Lister.All(ctx)) })
	}
	if can.Indexer != nil {
		label := append(rec.Labels, "label")[0]
		add("BySubject", func(ctx context.Context) error { return lastError(can.Indexer.BySubject(ctx, rec.Subject)) })
		add("ByLabel", func(ctx context.Context) error { return lastError(can.Indexer.ByLabel(ctx, label)) })
	}
	if can.Limiter != nil {
		add("CreateLimited", func(ctx context.Context) error {
			r := rec
			r.ID = newID()
			_, err := can.Limiter.CreateLimited(ctx, &r, driver.Limit{Most: 1})
			return err
		})
	}
	if can.Counter != nil {
		add("Count", func(ctx context.Context) error { _, err := can.Counter.Count(ctx, namespace); return err })
	}
	if can.Watcher != nil {
		add("Watch", func(ctx context.Context) error {
			_, stop, err := can.Watcher.Watch(ctx, rec.ID, func() {})
			if err == nil {
				stop()
			}
			return err
		})
	}
	if can.CacheReporter != nil {
		add("LoadReported", func(ctx context.Context) error { _, _, err := can.CacheReporter.LoadReported(ctx, rec.ID); return err })
	}
	if can.Pinger != nil {
		add("Ping", can.Pinger.Ping)
	}
	if can.Checker != nil {
		add("Check", func(ctx context.Context) error { return lastError(can.Checker.Check(ctx, false)) })
	}
	if can.Inspector != nil {
		add("Inspect", func(ctx context.Context) error { _, err := can.Inspector.Inspect(ctx); return err })
	}
	return all
}

// checkEndedContext makes every call with a context that has ended.
func checkEndedContext(e *env, ctx context.Context) {
	if e.a.Info().InMemory {
		e.Skip("Info.InMemory: no call ever waits")
	}
	rec := e.createMarked()
	for _, c := range calls(e.b, *rec) {
		start := time.Now()
		err := c.run(ctx, e.b)
		if took := time.Since(start); took > longestCall {
			e.Fatalf("%s took %v", c.name, took)
		}
		e.mustFail(err, driver.ErrUnavailable, c.name)
		if !errors.Is(err, ctx.Err()) {
			e.Fatalf("%s: %q does not match %q", c.name, err, ctx.Err())
		}
	}
	e.mustHold(rec)
}

// checkOutage makes every call during an outage. Afterwards the store must work again by itself.
func checkOutage(e *env, name string) {
	const patience = 200 * time.Millisecond
	rec := e.createMarked()
	e.load(e.b, rec.ID)
	end := e.h.Outages[name](e.TB)
	for _, c := range calls(e.b, *rec) {
		what := fmt.Sprintf("outage %q: %s", name, c.name)
		ctx, cancel := context.WithTimeout(e.ctx, patience)
		start := time.Now()
		err := c.run(ctx, e.b)
		took := time.Since(start)
		cancel()
		if took > longestCall {
			e.Errorf("%s: took %v with a deadline of %v", what, took, patience)
		}
		if !errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound) {
			e.Errorf("%s: error is %s, want driver.ErrUnavailable", what, errorText(err))
		} else if wrong := wrongText(e.b, err, rec); wrong != "" {
			e.Errorf("%s: %s", what, wrong)
		}
	}
	end()
	e.mustEnd(fmt.Sprintf("outage %q has ended, but Load", name), func() error {
		_, err := e.b.Load(e.ctx, rec.ID)
		if errors.Is(err, driver.ErrNotFound) { // the storage may have lost the record
			return nil
		}
		return err
	})
}

// mustEnd tries until there is no error. A store that holds back calls for a while after an outage has time for that.
func (e *env) mustEnd(what string, try func() error) {
	e.Helper()
	for deadline := time.Now().Add(time.Minute / 2); ; time.Sleep(20 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			e.Fatalf("%s still fails: %v", what, err)
		}
	}
}
