package storetest

import (
	"context"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// broken is a handle on a model with some of its methods replaced.
type broken struct {
	*model
	info          func() driver.Info
	load          func(context.Context, driver.ID) (driver.Record, error)
	create        func(context.Context, *driver.Record) error
	update        func(context.Context, *driver.Record) error
	touch         func(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error
	remove        func(context.Context, driver.ID) error
	succeed       func(ctx context.Context, old, next *driver.Record) error
	reload        func(context.Context, driver.ID) (driver.Record, error)
	sweep         func(context.Context, int) (int, error)
	all           func(context.Context) iter.Seq2[driver.Record, error]
	bySubject     func(context.Context, string) iter.Seq2[driver.Record, error]
	byLabel       func(context.Context, string) iter.Seq2[driver.Record, error]
	createLimited func(context.Context, *driver.Record, driver.Limit) ([]driver.ID, error)
	count         func(ctx context.Context, namespace [16]byte) (int, error)
	ping          func(context.Context) error
	watch         func(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error)
	close         func() error
	reported      func(context.Context, driver.ID) (driver.Record, bool, error)
	breakers      func() map[string]bool
	inspect       func(context.Context) ([]driver.Finding, error)
	check         func(ctx context.Context, fix bool) iter.Seq2[driver.Problem, error]
}

func (b *broken) Info() driver.Info { return b.info() }
func (b *broken) Load(ctx context.Context, id driver.ID) (driver.Record, error) {
	return b.load(ctx, id)
}
func (b *broken) Create(ctx context.Context, rec *driver.Record) error { return b.create(ctx, rec) }
func (b *broken) Update(ctx context.Context, rec *driver.Record) error { return b.update(ctx, rec) }
func (b *broken) Touch(ctx context.Context, id driver.ID, version uint64, used, expires time.Time) error {
	return b.touch(ctx, id, version, used, expires)
}
func (b *broken) Delete(ctx context.Context, id driver.ID) error { return b.remove(ctx, id) }
func (b *broken) Succeed(ctx context.Context, old, next *driver.Record) error {
	return b.succeed(ctx, old, next)
}
func (b *broken) Reload(ctx context.Context, id driver.ID) (driver.Record, error) {
	return b.reload(ctx, id)
}
func (b *broken) Sweep(ctx context.Context, limit int) (int, error) { return b.sweep(ctx, limit) }
func (b *broken) All(ctx context.Context) iter.Seq2[driver.Record, error] {
	return b.all(ctx)
}
func (b *broken) BySubject(ctx context.Context, s string) iter.Seq2[driver.Record, error] {
	return b.bySubject(ctx, s)
}
func (b *broken) ByLabel(ctx context.Context, label string) iter.Seq2[driver.Record, error] {
	return b.byLabel(ctx, label)
}
func (b *broken) CreateLimited(ctx context.Context, rec *driver.Record, limit driver.Limit) ([]driver.ID, error) {
	return b.createLimited(ctx, rec, limit)
}
func (b *broken) Count(ctx context.Context, namespace [16]byte) (int, error) {
	return b.count(ctx, namespace)
}
func (b *broken) Ping(ctx context.Context) error { return b.ping(ctx) }
func (b *broken) Watch(ctx context.Context, id driver.ID, changed func()) (driver.Record, func(), error) {
	return b.watch(ctx, id, changed)
}
func (b *broken) Close() error { return b.close() }
func (b *broken) LoadReported(ctx context.Context, id driver.ID) (driver.Record, bool, error) {
	return b.reported(ctx, id)
}
func (b *broken) Breakers() map[string]bool                             { return b.breakers() }
func (b *broken) Inspect(ctx context.Context) ([]driver.Finding, error) { return b.inspect(ctx) }
func (b *broken) Check(ctx context.Context, fix bool) iter.Seq2[driver.Problem, error] {
	return b.check(ctx, fix)
}

var _ io.Closer = (*broken)(nil)

func breakModel(m *model, with func(*broken)) driver.Store {
	b := &broken{
		model: m, info: m.Info, load: m.Load, create: m.Create, update: m.Update, touch: m.Touch, remove: m.Delete,
		succeed: m.Succeed, reload: m.Reload, sweep: m.Sweep, all: m.All, bySubject: m.BySubject, byLabel: m.ByLabel,
		createLimited: m.CreateLimited, count: m.Count, ping: m.Ping, watch: m.Watch, close: m.Close,
		reported: m.LoadReported, breakers: m.Breakers, inspect: m.Inspect, check: m.Check,
	}
	with(b)
	return b
}

// mutant is one way to break the model, and the rules that must fail for it.
type mutant struct {
	name   string
	rules  string // names of rules, space-separated
	change func(b *broken)
}

var mutants = slices.Concat(loadMutants, writeMutants, updateMutants, touchMutants, valueMutants, labelMutants, sharingMutants,
	lastingMutants, clockMutants, errorMutants, textMutants, waitMutants, writeOutageMutants, damageMutants, raceMutants, succeedMutants, reloadMutants, sweepMutants, walkMutants, indexMutants, limitMutants, watchMutants, lifeMutants, inspectMutants, checkerMutants, newerMutants)

// pause gives another goroutine time, where a broken store does not lock.
func pause() { time.Sleep(50 * time.Microsecond) }

func ruleNamed(t *testing.T, name string) rule {
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("there is no rule %q", name)
	}
	return rules[i]
}

// isCaught reports whether the rule fails for the mutant. It tries a few times, since a race is not always met.
func isCaught(t *testing.T, mu mutant, r rule) bool {
	for range 20 {
		h := modelHarness(NewClock(), func(m *model) driver.Store { return breakModel(m, mu.change) })
		h.Timeout = time.Second
		if skipped, failures := check(t, h, r); len(failures) > 0 {
			return true
		} else if skipped != "" {
			t.Fatalf("%s is skipped: %s", r.name, skipped)
		}
	}
	return false
}

func TestEveryMutantIsCaught(t *testing.T) {
	for _, mu := range mutants {
		for name := range strings.FieldsSeq(mu.rules) {
			t.Run(mu.name+"/"+name, func(t *testing.T) {
				if !isCaught(t, mu, ruleNamed(t, name)) {
					t.Errorf("the store that %s passes %s", mu.name, name)
				}
			})
		}
	}
}

func TestEveryRuleCatchesSomething(t *testing.T) {
	idle := map[string]bool{}
	for _, r := range rules {
		if idle[r.name] || r.name == "" || r.text == "" {
			t.Errorf("rule %q: names are unique, and every rule says what it demands", r.name)
		}
		idle[r.name] = true
	}
	for _, mu := range mutants {
		for name := range strings.FieldsSeq(mu.rules) {
			delete(idle, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(idle)) {
		t.Errorf("no mutant shows that rule %s can fail", name)
	}
}
