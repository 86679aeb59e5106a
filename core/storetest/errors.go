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

const ended = "When the context ends first, a method returns soon with an error that matches ErrUnavailable and the context's error."

var errorRules = []rule{{
	name: "ContextCanceled",
	text: ended,
	run: func(e *env) {
		ctx, cancel := context.WithCancel(e.ctx)
		cancel()
		endedContext(e, ctx)
	},
}, {
	name: "ContextDeadline",
	text: ended,
	run: func(e *env) {
		ctx, cancel := context.WithDeadline(e.ctx, time.Now().Add(-time.Second))
		defer cancel()
		endedContext(e, ctx)
	},
}, {
	name: "OutageIsUnavailable",
	text: "An outage is never \"not found\": all that goes wrong with the storage is ErrUnavailable, and comes in time.",
	run: func(e *env) {
		if len(e.h.Outages) == 0 {
			e.Skip("no Harness.Outages")
		}
		for _, name := range slices.Sorted(maps.Keys(e.h.Outages)) {
			outage(e, name)
		}
	},
}}

// call is one method with its arguments.
type call struct {
	name string
	run  func(ctx context.Context, s driver.Store) error
}

// calls returns a call of every method that s has, on a record that it holds.
// None of them may be answered without the storage.
func calls(s driver.Store, rec driver.Record) []call {
	all := []call{
		{"Load", func(ctx context.Context, s driver.Store) error { _, err := s.Load(ctx, rec.ID); return err }},
		{"Load of an absent record", func(ctx context.Context, s driver.Store) error { _, err := s.Load(ctx, newID()); return err }},
		{"Create", func(ctx context.Context, s driver.Store) error { r := rec; r.ID = newID(); return s.Create(ctx, &r) }},
		{"Update", func(ctx context.Context, s driver.Store) error { r := rec; return s.Update(ctx, &r) }},
		{"Touch", func(ctx context.Context, s driver.Store) error {
			return s.Touch(ctx, rec.ID, rec.Version, rec.Expires.Add(long))
		}},
		{"Delete", func(ctx context.Context, s driver.Store) error { return s.Delete(ctx, newID()) }},
	}
	if r, ok := s.(driver.Rotator); ok {
		all = append(all, call{"Rotate", func(ctx context.Context, _ driver.Store) error {
			old, next := rec, rec
			next.ID = newID()
			return r.Rotate(ctx, &old, &next)
		}})
	}
	if sw, ok := s.(driver.Sweeper); ok {
		all = append(all, call{"Sweep", func(ctx context.Context, _ driver.Store) error { _, err := sw.Sweep(ctx, 10); return err }})
	}
	if l, ok := s.(driver.Lister); ok {
		all = append(all, call{"All", func(ctx context.Context, _ driver.Store) error { return lastError(l.All(ctx)) }})
	}
	if x, ok := s.(driver.Indexer); ok {
		all = append(all, call{"BySubject", func(ctx context.Context, _ driver.Store) error { return lastError(x.BySubject(ctx, rec.Subject)) }})
	}
	if p, ok := s.(driver.Pinger); ok {
		all = append(all, call{"Ping", func(ctx context.Context, _ driver.Store) error { return p.Ping(ctx) }})
	}
	return all
}

func endedContext(e *env, ctx context.Context) {
	if e.a.Info().InMemory {
		e.Skip("Info.InMemory: no call ever waits")
	}
	rec := e.stored(e.a, long)
	for _, c := range calls(e.b, *rec) {
		start := time.Now()
		err := c.run(ctx, e.b)
		if took := time.Since(start); took > time.Second {
			e.Fatalf("%s took %v", c.name, took)
		}
		e.fails(err, driver.ErrUnavailable, c.name)
		if !errors.Is(err, ctx.Err()) {
			e.Fatalf("%s: %q does not match %q", c.name, err, ctx.Err())
		}
	}
	e.holds(rec)
}

// outage asks everything of a storage that is out of order, and whether the store finds
// back by itself.
func outage(e *env, name string) {
	const patience, limit = 200 * time.Millisecond, 2 * time.Second
	rec := e.stored(e.a, long)
	e.load(e.b, rec.ID)
	end := e.h.Outages[name](e.TB)
	for _, c := range calls(e.b, *rec) {
		what := fmt.Sprintf("outage %q: %s", name, c.name)
		ctx, cancel := context.WithTimeout(e.ctx, patience)
		start := time.Now()
		err := c.run(ctx, e.b)
		took := time.Since(start)
		cancel()
		if took > limit {
			e.Errorf("%s took %v with a deadline of %v", what, took, patience)
		}
		if !errors.Is(err, driver.ErrUnavailable) || errors.Is(err, driver.ErrNotFound) {
			e.Errorf("%s: error is %q, want %q", what, text(err), driver.ErrUnavailable)
		}
	}
	end()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := e.b.Load(e.ctx, rec.ID)
		if err == nil || errors.Is(err, driver.ErrNotFound) { // a storage may forget everything, but must say so
			return
		}
		if time.Now().After(deadline) {
			e.Fatalf("outage %q has ended: Load still says %v", name, err)
		}
	}
}
