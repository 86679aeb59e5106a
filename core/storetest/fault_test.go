package storetest

import (
	"errors"
	"maps"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func newFault(t *testing.T) (*Fault, *env) {
	var f *Fault
	e := newEnv(t, modelHarness(NewClock(), func(m *model) driver.Store {
		if f == nil {
			f = NewFault(m)
		}
		return f.Store()
	}))
	return f, e
}

func TestFaultBefore(t *testing.T) {
	f, e := newFault(t)
	f.Before(Nth(2))
	rec := e.create(e.a, long)
	change := *rec
	change.Data = []byte("changed")
	err := e.a.Update(e.ctx, &change)
	if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, ErrInjected) {
		t.Fatalf("second call: %v", err)
	}
	e.mustHold(rec) // no effect, and all later calls work
}

func TestFaultAfter(t *testing.T) {
	f, e := newFault(t)
	rec := e.create(e.a, long)
	f.After(On("Update"))
	change := *rec
	change.Data = []byte("changed")
	e.mustFail(e.a.Update(e.ctx, &change), driver.ErrUnavailable, "Update")
	if change.Version != rec.Version {
		t.Fatalf("the caller learned version %d", change.Version)
	}
	if got := e.load(e.a, rec.ID); string(got.Data) != "changed" {
		t.Fatalf("the call had no effect: %q", got.Data)
	}
}

func TestFaultReachesEveryMethod(t *testing.T) {
	f, e := newFault(t)
	rec := e.create(e.a, long)
	f.Reset()
	for _, hook := range []func(func(Call) error){f.Before, f.After} {
		hook(Outage)
		for _, c := range calls(e.a, *rec) {
			if err := c.run(e.ctx, e.a); !errors.Is(err, ErrInjected) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if err := abilitiesOf(e.a).Closer.Close(); !errors.Is(err, ErrInjected) {
			t.Errorf("Close: %v", err)
		}
		hook(nil)
	}
	want := map[string]int{"Load": 6, "Create": 2, "Update": 2, "Touch": 2, "Delete": 2, "Succeed": 2, "Reload": 4, "Sweep": 2, "All": 2, "BySubject": 2, "ByLabel": 2,
		"CreateLimited": 2, "Count": 2, "Ping": 2, "Inspect": 2, "Check": 2, "Watch": 2, "Close": 2}
	if got := f.Calls(); !maps.Equal(got, want) {
		t.Errorf("Calls() = %v, want %v", got, want)
	}
	f.Reset()
	if got := f.Calls(); len(got) != 0 {
		t.Errorf("Calls() = %v after Reset", got)
	}
}

// withAbilities is a store with these abilities and no others.
type withAbilities struct {
	*model
	abilities driver.Abilities
}

func (s withAbilities) Abilities() driver.Abilities { return s.abilities }

func TestFaultHasTheAbilitiesOfTheInner(t *testing.T) {
	m := &model{}
	for bits := range 1 << len(abilities) {
		var has driver.Abilities
		want := ""
		for i, have := range []func(){
			func() { has.Successor = m }, func() { has.Reloader = m }, func() { has.Sweeper = m }, func() { has.Lister = m },
			func() { has.Indexer = m }, func() { has.Limiter = m }, func() { has.Counter = m },
			func() { has.Pinger = m }, func() { has.Watcher = m }, func() { has.Closer = m },
			func() { has.CacheReporter = m }, func() { has.Breaker = m }, func() { has.Inspector = m },
			func() { has.Checker = m },
		} {
			if bits>>i&1 == 1 {
				have()
				want += abilities[i].name + " "
			}
		}
		wrapped := abilitiesOf(NewFault(withAbilities{m, has}).Store())
		got := ""
		for _, a := range abilities {
			if a.in(wrapped) {
				got += a.name + " "
			}
		}
		if got != want {
			t.Errorf("the store has %q, the wrapped one %q", want, got)
		}
	}
}

func TestModelThroughFault(t *testing.T) {
	Run(t, modelHarness(NewClock(), func(m *model) driver.Store { return NewFault(m).Store() }))
}
