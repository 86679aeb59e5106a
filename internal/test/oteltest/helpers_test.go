package oteltest

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/otelsession"
	"github.com/coatcheck-go/coatcheck/stores/cachedstore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// outage is the error of a store whose server refuses connections.
var outage = driver.Unavailable("redisstore: load", errors.New("dial tcp 10.0.0.7:6379: connection refused"))

// everyEvent has an event of each kind, and every outcome that the kind may have.
func everyEvent() []core.Event {
	all := []core.Event{
		{Kind: core.EventLoad, Cached: true}, {Kind: core.EventLoad, Outcome: core.OutcomeNotFound},
		{Kind: core.EventUpdate, Outcome: core.OutcomeConflict},
		{Kind: core.EventLoad, Outcome: core.OutcomeFailed, Err: outage},
		{Kind: core.EventDropped, Outcome: core.OutcomeConflict, Err: core.ErrEnded},
		{Kind: core.EventDropped, Outcome: core.OutcomeFailed, Err: outage},
		{Kind: core.EventAdopt, Outcome: core.OutcomeFailed, Err: outage},
		{Kind: core.EventSweep, Outcome: core.OutcomeFailed, Err: outage, Count: 3},
		{Kind: core.EventSweep, Count: 4},
	}
	for _, kind := range []core.EventKind{core.EventLoad, core.EventCreate, core.EventUpdate, core.EventTouch, core.EventDelete} {
		all = append(all, core.Event{Kind: kind, Duration: 3 * time.Millisecond, Size: 300, Subject: "alice", ID: core.ID{1}})
	}
	for _, kind := range []core.EventKind{
		core.EventConflict, core.EventRotate, core.EventLogin, core.EventDestroy, core.EventExpired, core.EventUnknown, core.EventLate,
		core.EventReused, core.EventAmbiguous, core.EventCorrupt, core.EventUnreadable, core.EventDecode,
	} {
		all = append(all, core.Event{Kind: kind, Subject: "alice", ID: core.ID{1}})
	}
	for i := range all {
		if all[i].Outcome == "" {
			all[i].Outcome = core.OutcomeDone
		}
	}
	return all
}

// observed is an Observer whose metrics the test reads.
type observed struct {
	*otelsession.Observer
	reader *sdk.ManualReader
}

func observe(tb testing.TB, config otelsession.Config) observed {
	tb.Helper()
	reader := sdk.NewManualReader()
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	tb.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	config.MeterProvider = provider
	return observed{made.Of(otelsession.New(config)), reader}
}

// read returns the metrics by name.
func (o observed) read(tb testing.TB) map[string]metricdata.Metrics {
	tb.Helper()
	var all metricdata.ResourceMetrics
	must(tb, o.reader.Collect(tb.Context(), &all))
	byName := map[string]metricdata.Metrics{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			byName[m.Name] = m
		}
	}
	return byName
}

// points returns the kind of a metric, and its values by their attributes: of a histogram the counts.
func points(m metricdata.Metrics) (kind string, values map[attribute.Distinct]float64, sets []attribute.Set) {
	values = map[attribute.Distinct]float64{}
	put := func(set attribute.Set, value float64) {
		values[set.Equivalent()] = value
		sets = append(sets, set)
	}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		kind = "counter"
		for _, p := range data.DataPoints {
			put(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[int64]:
		kind = "gauge"
		for _, p := range data.DataPoints {
			put(p.Attributes, float64(p.Value))
		}
	case metricdata.Gauge[float64]:
		kind = "gauge"
		for _, p := range data.DataPoints {
			put(p.Attributes, p.Value)
		}
	case metricdata.Histogram[int64]:
		kind = "histogram"
		for _, p := range data.DataPoints {
			put(p.Attributes, float64(p.Count))
		}
	case metricdata.Histogram[float64]:
		kind = "histogram"
		for _, p := range data.DataPoints {
			put(p.Attributes, float64(p.Count))
		}
	}
	return kind, values, sets
}

// cached is a manager whose store has a cache and counts.
func cached(tb testing.TB, observer func(context.Context, core.Event)) *core.Manager {
	tb.Helper()
	memory := func() *memstore.Store { return made.Of(memstore.New(memstore.Config{})) }
	store := made.Of(cachedstore.New(memory(), memory(), cachedstore.Config{}))
	m := made.Of(core.New(core.Config{Store: store, Observer: observer}))
	tb.Cleanup(func() { _ = m.Close() })
	return m
}
