package oteltest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/otelsession"
)

// Each event is counted once, under the name and with the attributes of README.md's table.
func TestEventsBecomeMetrics(t *testing.T) {
	failed := "coatcheck.outcome=failed error.type=unavailable"
	for _, c := range []struct {
		event core.Event
		want  string // "metric attributes value" of each metric that the event changes
	}{
		{core.Event{Kind: core.EventLoad, Outcome: "done", Size: 300}, "record.size coatcheck.operation=load 1; store.duration coatcheck.operation=load coatcheck.outcome=done coatcheck.source=store 1"},
		{core.Event{Kind: core.EventLoad, Outcome: "done", Cached: true}, "store.duration coatcheck.operation=load coatcheck.outcome=done coatcheck.source=cache 1"},
		{core.Event{Kind: core.EventLoad, Outcome: "not_found"}, "store.duration coatcheck.operation=load coatcheck.outcome=not_found coatcheck.source=store 1"},
		{core.Event{Kind: core.EventUpdate, Outcome: "conflict", Size: 300}, "store.duration coatcheck.operation=update coatcheck.outcome=conflict 1"},
		{core.Event{Kind: core.EventCreate, Outcome: "failed", Err: outage, Size: 300}, "store.duration coatcheck.operation=create " + failed + " 1"},
		{core.Event{Kind: core.EventTouch, Outcome: "done"}, "store.duration coatcheck.operation=touch coatcheck.outcome=done 1"},
		{core.Event{Kind: core.EventDelete, Outcome: "done"}, "store.duration coatcheck.operation=delete coatcheck.outcome=done 1"},
		{core.Event{Kind: core.EventConflict, Outcome: "done"}, "conflicts  1"},
		{core.Event{Kind: core.EventLogin, Outcome: "done"}, "logins  1"},
		{core.Event{Kind: core.EventRotate, Outcome: "done"}, "rotations  1"},
		{core.Event{Kind: core.EventDestroy, Outcome: "done"}, "ends  1"},
		{core.Event{Kind: core.EventExpired, Outcome: "not_found"}, "tokens.refused coatcheck.reason=expired 1"},
		{core.Event{Kind: core.EventUnknown, Outcome: "not_found"}, "tokens.refused coatcheck.reason=unknown 1"},
		{core.Event{Kind: core.EventLate, Outcome: "done"}, "tokens.refused coatcheck.reason=late 1"},
		{core.Event{Kind: core.EventReused, Outcome: "done"}, "tokens.refused coatcheck.reason=reused 1"},
		{core.Event{Kind: core.EventAmbiguous, Outcome: "done"}, "tokens.refused coatcheck.reason=ambiguous 1"},
		{core.Event{Kind: core.EventCorrupt, Outcome: "failed"}, "read.failures coatcheck.reason=corrupt 1"},
		{core.Event{Kind: core.EventUnreadable, Outcome: "failed"}, "read.failures coatcheck.reason=unreadable 1"},
		{core.Event{Kind: core.EventDecode, Outcome: "failed"}, "read.failures coatcheck.reason=decode 1"},
		{core.Event{Kind: core.EventAdopt, Outcome: "failed", Err: outage}, "adopt.failures " + failed + " 1"},
		{core.Event{Kind: core.EventDropped, Outcome: "conflict"}, "changes.dropped coatcheck.outcome=conflict 1"},
		{core.Event{Kind: core.EventDropped, Outcome: "failed", Err: outage}, "changes.dropped " + failed + " 1"},
		{core.Event{Kind: core.EventSweep, Outcome: "failed", Err: outage, Count: 7}, "sweep.removed  7; sweeps " + failed + " 1"},
		{core.Event{Kind: "of a later release"}, ""},
	} {
		o := observe(t, otelsession.Config{})
		o.Observe(t.Context(), c.event)
		var got []string
		for name, m := range o.read(t) {
			_, values, sets := points(m)
			for _, set := range sets {
				got = append(got, fmt.Sprint(strings.TrimPrefix(name, "coatcheck."), " ", text(set), " ", values[set.Equivalent()]))
			}
		}
		slices.Sort(got)
		if all := strings.Join(got, "; "); all != c.want {
			t.Errorf("%s %s:\n%s, want\n%s", c.event.Kind, c.event.Outcome, all, c.want)
		}
	}
}

func text(set attribute.Set) string {
	var all []string
	for _, kv := range set.ToSlice() {
		all = append(all, string(kv.Key)+"="+kv.Value.String())
	}
	return strings.Join(all, " ")
}

// The type of an error is one of a few words, whatever the client library says.
func TestErrorTypes(t *testing.T) {
	for want, err := range map[string]error{
		"timeout": driver.Unavailable("x", context.DeadlineExceeded), "canceled": driver.Unavailable("x", context.Canceled),
		"unavailable": outage, "too_large": driver.ErrTooLarge, "corrupt": driver.Corrupt("x"), "unreadable": driver.Unreadable("x"),
		"incomplete": driver.ErrIncomplete, "_OTHER": errors.New("alice 10.0.0.7"),
	} {
		o := observe(t, otelsession.Config{})
		o.Observe(t.Context(), core.Event{Kind: core.EventDropped, Outcome: core.OutcomeFailed, Err: err})
		_, _, sets := points(o.read(t)["coatcheck.changes.dropped"])
		if got, _ := sets[0].Value("error.type"); got.AsString() != want {
			t.Errorf("%v: error.type %q, want %q", err, got.AsString(), want)
		}
	}
}

// The time of the last sweep moves only with a full one.
func TestLastSweep(t *testing.T) {
	o := observe(t, otelsession.Config{})
	before := float64(time.Now().Add(-time.Second).Unix())
	o.Observe(t.Context(), core.Event{Kind: core.EventSweep, Outcome: core.OutcomeFailed, Err: outage})
	if _, there := o.read(t)["coatcheck.sweep.last_success"]; there {
		t.Error("a failed sweep counts as one")
	}
	o.Observe(t.Context(), core.Event{Kind: core.EventSweep, Outcome: core.OutcomeDone})
	_, values, _ := points(o.read(t)["coatcheck.sweep.last_success"])
	for _, at := range values {
		if at < before || at > before+60 {
			t.Errorf("the last sweep was at %v, now is %v", at, before)
		}
	}
	if len(values) != 1 {
		t.Error("no time")
	}
}

// Watch tells how many sessions there are, and what the breakers do, until it is unregistered.
func TestWatch(t *testing.T) {
	o := observe(t, otelsession.Config{Attributes: []attribute.KeyValue{attribute.String("app", "shop")}})
	m := cached(t, o.Observe)
	watching, err := o.Watch(m)
	must(t, err)
	for range 3 {
		s := visit(t, m, "", func(s *core.Session) { must(t, s.Login("alice")) })
		if s == "" {
			t.Fatal("no cookie")
		}
	}
	all := o.read(t)
	for name, want := range map[string]string{"coatcheck.sessions": "app=shop 3", "coatcheck.breaker.open": "app=shop coatcheck.part=cache 0", "coatcheck.logins": "app=shop 3"} {
		_, values, sets := points(all[name])
		if len(sets) != 1 || fmt.Sprint(text(sets[0]), " ", values[sets[0].Equivalent()]) != want {
			t.Errorf("%s: %v %v, want %s", name, sets, values, want)
		}
	}
	must(t, watching.Unregister())
	if _, there := o.read(t)["coatcheck.sessions"]; there {
		t.Error("still watched")
	}
}

// A store that does not count, or has failed, costs nothing but its own metric.
func TestWatchWithoutCount(t *testing.T) {
	o := observe(t, otelsession.Config{})
	m := cached(t, o.Observe)
	_, err := o.Watch(m)
	must(t, err)
	must(t, m.Close())
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	o.Observe(ended, core.Event{Kind: core.EventLogin})
	if _, there := o.read(t)["coatcheck.logins"]; !there {
		t.Error("the other metrics are gone")
	}
}

// No event gives away a user or a session.
func TestNoUserInAttributes(t *testing.T) {
	o := observe(t, otelsession.Config{})
	for _, e := range everyEvent() {
		o.Observe(t.Context(), e)
	}
	for name, m := range o.read(t) {
		_, _, sets := points(m)
		for _, set := range sets {
			if s := text(set); strings.Contains(s, "alice") || strings.Contains(s, "0100") || strings.Contains(s, "10.0.0.7") {
				t.Errorf("%s: %s", name, s)
			}
		}
	}
}
