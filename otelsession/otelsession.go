// Package otelsession makes metrics and spans of what happens to sessions, with OpenTelemetry. It needs its API only;
// the application brings the SDK and the exporter.
//
//	o, err := otelsession.New(otelsession.Config{})
//	m, err := core.New(core.Config{Store: store, Observer: o.Observe})
//	registration, err := o.Watch(m) // sessions alive, and breakers
//
// README.md in this folder lists every metric with its attributes. No attribute holds a session's ID, a user or a
// token. What clients cause in the ordinary course, such as an expired token, is an outcome and no error:
// "error.type" stands for what failed. deploy/grafana and deploy/prometheus of this repository have a dashboard and
// alerts for these metrics, with the names that the Prometheus exporter gives them.
//
// # Spans
//
// Each call of the store is a span of kind client, "coatcheck load", below the request's own span, if that is recorded:
// otherwise there is none. The span is made when the call is over, from its duration. So spans of a client library, which are made during
// the call, are its siblings and not its children.
//
// # Costs
//
// With providers that do nothing, which is what an application has that never sets one, an event costs some ten
// nanoseconds and no allocation. Core itself measures the time of each call if there is an Observer.
//
// The guide is docs/operations.md.
package otelsession

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/coatcheck-go/coatcheck/core"
)

// scope is the name of the meter and of the tracer.
const scope = "github.com/coatcheck-go/coatcheck/otelsession"

// Config sets up an Observer. The zero value is ready to use.
type Config struct {
	// MeterProvider gets the metrics. Default: nil, the global one, also if it is set later.
	MeterProvider metric.MeterProvider

	// TracerProvider gets the spans. Default: nil, the global one, also if it is set later.
	TracerProvider trace.TracerProvider

	// Attributes are added to every measurement and span. Several managers in one application have an Observer each,
	// with an attribute that tells them apart. Default: none.
	Attributes []attribute.KeyValue
}

// Observer turns the events of a core.Manager into metrics and spans. New makes one. Its methods may be called
// concurrently.
type Observer struct {
	meter  metric.Meter
	tracer trace.Tracer
	own    []attribute.KeyValue // Config.Attributes

	instruments
	labels
}

// New returns an Observer. The error is that of the MeterProvider, if it refuses an instrument.
func New(config Config) (*Observer, error) {
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
	}
	o := &Observer{
		meter:  config.MeterProvider.Meter(scope),
		tracer: config.TracerProvider.Tracer(scope),
		own:    config.Attributes,
		labels: newLabels(config.Attributes),
	}
	if err := o.instruments.create(o.meter); err != nil {
		return nil, fmt.Errorf("otelsession: Config.MeterProvider: %w", err)
	}
	return o, nil
}

// Observe is for core.Config.Observer.
func (o *Observer) Observe(ctx context.Context, e core.Event) { o.observe(ctx, &e) } // inlined where a method value calls it

func (o *Observer) observe(ctx context.Context, e *core.Event) {
	switch e.Kind {
	case core.EventLoad, core.EventCreate, core.EventUpdate, core.EventTouch, core.EventDelete:
		if o.duration.Enabled(ctx) || o.size.Enabled(ctx) || recorded(ctx) {
			o.call(ctx, e)
		}
	case core.EventConflict:
		add(ctx, o.conflicts, 1, o.plain)
	case core.EventLogin:
		add(ctx, o.logins, 1, o.plain)
	case core.EventRotate:
		add(ctx, o.rotations, 1, o.plain)
	case core.EventDestroy:
		add(ctx, o.ends, 1, o.plain)
	case core.EventExpired, core.EventUnknown, core.EventLate, core.EventReused, core.EventAmbiguous:
		add(ctx, o.refused, 1, o.reasons[e.Kind])
	case core.EventCorrupt, core.EventUnreadable, core.EventDecode:
		add(ctx, o.unread, 1, o.reasons[e.Kind])
	case core.EventAdopt:
		add(ctx, o.adoptions, 1, o.results[resultOf(e)].add)
	case core.EventDropped:
		add(ctx, o.dropped, 1, o.results[resultOf(e)].add)
	case core.EventSweep:
		o.sweep(ctx, e)
	}
}
