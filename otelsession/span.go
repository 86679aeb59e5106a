package otelsession

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/coatcheck-go/coatcheck/core"
)

// span makes the span of a call that has just ended. There is none unless the request has one that is recorded: a walk
// or a background write would fill the traces with roots. An error's text may quote a client library, so the span has
// its type only; core's log has the text.
func (o *Observer) span(ctx context.Context, e *core.Event, operation int, l *label) {
	if !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
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
