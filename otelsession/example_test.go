package otelsession_test

import (
	"context"
	"fmt"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/httpsession"
	"github.com/coatcheck-go/coatcheck/otelsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// The metrics go to the global providers, which the application sets: otel.SetMeterProvider with the SDK's provider and
// an exporter. The Observer comes before the manager, and Watch after it.
func Example() {
	o, err := otelsession.New(otelsession.Config{
		Attributes: []attribute.KeyValue{attribute.String("app", "shop")}, // to tell several managers apart
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	m, err := core.New(core.Config{Store: store, Observer: o.Observe})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	watching, err := o.Watch(m)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := httpsession.New(m)(http.NotFoundHandler()) // requests are observed from here on
	fmt.Println(handler != nil, watching.Unregister())
	// Output: true <nil>
}

// An observer of the application's own may see the events, too.
func ExampleObserver_Observe() {
	o, err := otelsession.New(otelsession.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	observe := func(ctx context.Context, e core.Event) {
		o.Observe(ctx, e)
		if e.Kind == core.EventReused {
			fmt.Println("audit: a former token of", e.Subject, "was used again")
		}
	}
	observe(context.Background(), core.Event{Kind: core.EventReused, Subject: "alice"})
	// Output: audit: a former token of alice was used again
}

// Two managers in one application, each with an Observer and an attribute of its own. Without providers, the global
// ones are used.
func ExampleConfig() {
	var metrics metric.MeterProvider = metricnoop.NewMeterProvider() // yours: NewMeterProvider of sdk/metric, with a reader
	var traces trace.TracerProvider = tracenoop.NewTracerProvider()  // yours: NewTracerProvider of sdk/trace

	open := func(name string, o *otelsession.Observer) (*core.Manager, error) {
		store, err := memstore.New(memstore.Config{})
		if err != nil {
			return nil, err
		}
		return core.New(core.Config{Store: store, Namespace: name, Observer: o.Observe})
	}
	for _, name := range []string{"shop", "office"} {
		o, err := otelsession.New(otelsession.Config{
			MeterProvider:  metrics,
			TracerProvider: traces,
			Attributes:     []attribute.KeyValue{attribute.String("app", name)},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		m, err := open(name, o)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer m.Close()
		fmt.Println(m.Config().Namespace, "is observed")
	}
	// Output:
	// shop is observed
	// office is observed
}
