package storetest

import (
	"errors"
	"maps"
	"strings"
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
	rec := e.stored(e.a, long)
	change := *rec
	change.Data = []byte("changed")
	err := e.a.Update(e.ctx, &change)
	if !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, ErrInjected) {
		t.Fatalf("second call: %v", err)
	}
	e.holds(rec) // no effect, and all later calls work
}

func TestFaultAfter(t *testing.T) {
	f, e := newFault(t)
	rec := e.stored(e.a, long)
	f.After(On("Update"))
	change := *rec
	change.Data = []byte("changed")
	e.fails(e.a.Update(e.ctx, &change), driver.ErrUnavailable, "Update")
	if change.Version != rec.Version {
		t.Fatalf("the caller learned version %d", change.Version)
	}
	if got := e.load(e.a, rec.ID); string(got.Data) != "changed" {
		t.Fatalf("the call had no effect: %q", got.Data)
	}
}

func TestFaultReachesEveryMethod(t *testing.T) {
	f, e := newFault(t)
	rec := e.stored(e.a, long)
	f.Reset()
	for _, hook := range []func(func(Call) error){f.Before, f.After} {
		hook(Outage)
		for _, c := range calls(e.a, *rec) {
			if err := c.run(e.ctx, e.a); !errors.Is(err, ErrInjected) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if err := can(e.a).Closer.Close(); !errors.Is(err, ErrInjected) {
			t.Errorf("Close: %v", err)
		}
		hook(nil)
	}
	want := map[string]int{"Load": 4, "Create": 2, "Update": 2, "Touch": 2, "Delete": 2, "Succeed": 2, "Reload": 4, "Sweep": 2, "All": 2, "BySubject": 2, "ByLabel": 2, "Ping": 2, "Close": 2}
	if got := f.Calls(); !maps.Equal(got, want) {
		t.Errorf("Calls() = %v, want %v", got, want)
	}
	f.Reset()
	if got := f.Calls(); len(got) != 0 {
		t.Errorf("Calls() = %v after Reset", got)
	}
}

// some is a store with the abilities given and no others.
type some struct {
	*model
	has driver.Abilities
}

func (s some) Abilities() driver.Abilities { return s.has }

func TestFaultHasTheAbilitiesOfTheInner(t *testing.T) {
	m := &model{}
	for bits := range 1 << len(abilities) {
		var has driver.Abilities
		want := ""
		for i, have := range []func(){
			func() { has.Successor = m }, func() { has.Reloader = m }, func() { has.Sweeper = m }, func() { has.Lister = m },
			func() { has.Indexer = m }, func() { has.Pinger = m }, func() { has.Closer = m },
		} {
			if bits>>i&1 == 1 {
				have()
				want += abilities[i].name + " "
			}
		}
		wrapped := can(NewFault(some{m, has}).Store())
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

func TestReport(t *testing.T) {
	row := Report(t, modelHarness(NewClock(), modelItself))
	const want = "| model | yes | yes | yes | yes | yes | yes | yes | all servers | 65536 bytes |\n"
	if row != want {
		t.Errorf("Report is %q, want %q", row, want)
	}
	if head := ReportHead(); strings.Count(head, "|") != 2*strings.Count(row, "|") {
		t.Errorf("head and row differ in columns: %q", head)
	}
}

// Given a rule that has failed, when the harness then skips the rest of it, then the failure is told.
func TestSkipHidesNoFailure(t *testing.T) {
	h := modelHarness(NewClock(), func(m *model) driver.Store { return breaking(m, answering(driver.ErrUnavailable, driver.ErrNotFound)) })
	h.Outages["not here"] = func(tb testing.TB) func() { tb.Skip("no such server"); return nil }
	skipped, failures := check(t, h, find(t, "OutageIsUnavailable"))
	if skipped != "" || len(failures) == 0 {
		t.Errorf("skipped %q, failures %q", skipped, failures)
	}
}
