package otelsession

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/coatcheck-go/coatcheck/core"
)

// recorded reports whether the request has a span that is recorded.
func recorded(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// span makes the span of a call that has just ended. It is for calls of a request whose own span is recorded: a walk or
// a background write would fill the traces with roots. An error's text may quote a client library, so the span has
// its type only; core's log has the text.
func (o *Observer) span(ctx context.Context, e *core.Event, operation int, l *label) {
	end := time.Now()
	_, span := o.tracer.Start(ctx, spanNames[operation], trace.WithSpanKind(trace.SpanKindClient),
		trace.WithTimestamp(end.Add(-e.Duration)), trace.WithAttributes(l.attributes...))
	if e.Outcome == core.OutcomeFailed {
		span.SetStatus(codes.Error, results[resultOf(e)].errorType)
	}
	span.End(trace.WithTimestamp(end))
}

var spanNames = func() (names [len(operations)]string) {
	for i := range operations {
		names[i] = "coatcheck " + string(operations[i].kind)
	}
	return names
}()
