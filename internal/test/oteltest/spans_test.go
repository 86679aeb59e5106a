package oteltest

import (
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/otelsession"
)

// A call of the store is a span below the request's own, with its outcome. Other events, and calls outside of a trace or
// in one that is not sampled, are none.
func TestSpans(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	o := observe(t, otelsession.Config{TracerProvider: provider})
	m := cached(t, o.Observe)
	visit(t, m, "", func(s *core.Session) { must(t, s.Login("alice")) })
	unsampled, _ := trace.NewTracerProvider(trace.WithSampler(trace.NeverSample())).Tracer("app").Start(t.Context(), "GET /")
	o.Observe(unsampled, core.Event{Kind: core.EventLoad, Outcome: core.OutcomeDone})
	if n := len(recorder.Ended()); n > 0 {
		t.Fatalf("%d spans without a parent that is sampled", n)
	}

	ctx, parent := provider.Tracer("app").Start(t.Context(), "GET /")
	before := time.Now()
	o.Observe(ctx, core.Event{Kind: core.EventLoad, Outcome: core.OutcomeDone, Cached: true, Duration: time.Hour})
	o.Observe(ctx, core.Event{Kind: core.EventUpdate, Outcome: core.OutcomeFailed, Err: outage, Duration: time.Second})
	o.Observe(ctx, core.Event{Kind: core.EventTouch, Outcome: core.OutcomeNotFound})
	o.Observe(ctx, core.Event{Kind: core.EventLogin, Outcome: core.OutcomeDone})
	spans := recorder.Ended()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want 3", len(spans))
	}
	for i, want := range []struct {
		name, attributes string
		status           trace.Status
	}{
		{"coatcheck load", "coatcheck.operation=load coatcheck.outcome=done coatcheck.source=cache", trace.Status{}},
		{"coatcheck update", "coatcheck.operation=update coatcheck.outcome=failed error.type=unavailable", trace.Status{Code: codes.Error, Description: "unavailable"}},
		{"coatcheck touch", "coatcheck.operation=touch coatcheck.outcome=not_found", trace.Status{}},
	} {
		s := spans[i]
		if got := text(attribute.NewSet(s.Attributes()...)); s.Name() != want.name || got != want.attributes || s.Status() != want.status {
			t.Errorf("span %q %q %+v, want %+v", s.Name(), got, s.Status(), want)
		}
		if s.SpanKind() != api.SpanKindClient || s.Parent().SpanID() != parent.SpanContext().SpanID() || strings.Contains(s.Status().Description, "10.0.0.7") {
			t.Errorf("%s: %v below %v", s.Name(), s.SpanKind(), s.Parent().SpanID())
		}
	}
	if took := spans[0].EndTime().Sub(spans[0].StartTime()); took != time.Hour || spans[0].EndTime().Before(before) {
		t.Errorf("the load took %v and ended at %v", took, spans[0].EndTime())
	}
}

// A request's context reaches the Observer, so that its calls of the store are below its span.
func TestSpansOfARequest(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := trace.NewTracerProvider(trace.WithSpanProcessor(recorder))
	o := observe(t, otelsession.Config{TracerProvider: provider})
	m := cached(t, o.Observe)
	ctx, parent := provider.Tracer("app").Start(t.Context(), "GET /")
	x := m.Adapter().Begin(ctx, nil)
	s, err := x.Session(x.Context())
	must(t, err)
	must(t, s.Login("alice"))
	_, err = x.Commit(x.Context(), 200)
	must(t, err)
	must(t, x.Finish(x.Context()))
	spans := recorder.Ended()
	if len(spans) != 1 || spans[0].Name() != "coatcheck create" || spans[0].Parent().SpanID() != parent.SpanContext().SpanID() {
		t.Errorf("spans %v", spans)
	}
}
