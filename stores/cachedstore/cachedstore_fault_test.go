package cachedstore_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/core/storetest"
)

// script is a session's life on two servers. Each step returns what the truth said.
var script = []func(ctx context.Context, p *pair, rec *driver.Record) error{
	func(ctx context.Context, p *pair, rec *driver.Record) error { return p.a.Create(ctx, rec) },
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		_, err := p.a.Load(ctx, rec.ID)
		return err
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		rec.Data = []byte("two")
		return p.a.Update(ctx, rec)
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		return p.a.Touch(ctx, rec.ID, rec.Version, rec.Used.Add(time.Minute), rec.Expires.Add(time.Minute))
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		old := *rec
		old.Version, old.Data = 1, []byte("lost")
		if err := p.a.Update(ctx, &old); !errors.Is(err, driver.ErrConflict) {
			return fmt.Errorf("Update of an old version: %w", err)
		}
		return nil
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error {
		next := *rec
		next.ID[31]++
		*rec = ended(rec)
		return p.a.Abilities().Successor.Succeed(ctx, rec, &next)
	},
	func(ctx context.Context, p *pair, rec *driver.Record) error { return p.a.Delete(ctx, rec.ID) },
}

// The cache fails at its Nth call, before or after it has done it. No request notices: the server itself reads what
// it wrote, and the other one does as soon as the change has reached the cache.
func TestCacheFailsAtTheNthCall(t *testing.T) {
	for _, moment := range []string{"before", "after"} {
		for n, done := 1, false; !done; n++ {
			p := newPair(t)
			hook := storetest.Nth(n)
			if moment == "before" {
				p.a.cache.Before(hook)
			} else {
				p.a.cache.After(hook)
			}
			rec := record(p.clock.Now(), 7)
			for i, step := range script {
				what := fmt.Sprintf("%s call %d of the cache, step %d", moment, n, i)
				if err := step(t.Context(), p, rec); err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				same(t, p, p.a, rec.ID, what+", here")
				eventually(t, func() bool { return p.a.stale() == 0 || settled(p, rec.ID) })
				same(t, p, p.b, rec.ID, what+", elsewhere")
			}
			calls := 0
			for _, c := range p.a.cache.Calls() {
				calls += c
			}
			done = calls < n
		}
	}
}

// settled reports whether the cache holds nothing that is older than the truth.
func settled(p *pair, id driver.ID) bool {
	held, err := p.cache.Load(context.Background(), id)
	truth, gone := p.truth.Load(context.Background(), id)
	if err != nil || isFence(held) || gone != nil {
		return err != nil || isFence(held)
	}
	version := held.Data[1]
	return uint64(version) == truth.Version
}

func same(t *testing.T, p *pair, s driver.Store, id driver.ID, what string) {
	t.Helper()
	got, err := s.Load(t.Context(), id)
	want, absent := p.truth.Load(t.Context(), id)
	if absent != nil {
		if !errors.Is(err, driver.ErrNotFound) {
			t.Fatalf("%s: %v for what is gone", what, err)
		}
		return
	}
	if err != nil || got.Version != want.Version || string(got.Data) != string(want.Data) {
		t.Fatalf("%s: read %q of version %d, %v; the truth has %q, %d", what, got.Data, got.Version, err, want.Data, want.Version)
	}
}

// The truth fails at its Nth call. The caller gets an error, and never an answer that the truth did not give.
func TestTruthFailsAtTheNthCall(t *testing.T) {
	for n := 1; n <= len(script)+3; n++ {
		p := newPair(t)
		p.a.truth.After(storetest.Nth(n))
		rec := record(p.clock.Now(), 7)
		for i, step := range script {
			err := step(t.Context(), p, rec)
			if errors.Is(err, driver.ErrUnavailable) {
				rec, _ = reread(p, rec)
			} else if err != nil {
				t.Fatalf("call %d of the truth fails, step %d: %v", n, i, err)
			}
			if _, err := p.a.Load(t.Context(), rec.ID); !errors.Is(err, driver.ErrUnavailable) {
				eventually(t, func() bool { return p.a.stale() == 0 || settled(p, rec.ID) }) // a busy machine takes its time
				same(t, p, p.b, rec.ID, fmt.Sprint(n, i))
			}
		}
	}
}

func reread(p *pair, rec *driver.Record) (*driver.Record, error) {
	now, err := p.truth.Load(context.Background(), rec.ID)
	if err != nil {
		return rec, err
	}
	return &now, nil
}
