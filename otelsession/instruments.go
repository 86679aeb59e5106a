package otelsession

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/coatcheck-go/coatcheck/core"
)

// instruments are those that an event records. README.md lists them; those of Watch are in watch.go.
type instruments struct {
	duration metric.Float64Histogram
	size     metric.Int64Histogram

	conflicts, logins, rotations, ends metric.Int64Counter
	refused, unread, adoptions         metric.Int64Counter
	dropped                            metric.Int64Counter

	sweeps, swept metric.Int64Counter
	lastSweep     metric.Float64Gauge
}

func (i *instruments) create(meter metric.Meter) error {
	var errs []error
	counter := func(into *metric.Int64Counter, name, unit, text string) {
		var err error
		*into, err = meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = append(errs, err)
	}
	var err error
	i.duration, err = meter.Float64Histogram("coatcheck.store.duration", metric.WithUnit("s"),
		metric.WithDescription("Time of a call of the store."),
		metric.WithExplicitBucketBoundaries(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10))
	errs = append(errs, err)
	i.size, err = meter.Int64Histogram("coatcheck.record.size", metric.WithUnit("By"),
		metric.WithDescription("Size of a record that was read or written."),
		metric.WithExplicitBucketBoundaries(256, 512, 1024, 2048, 4096, 16384, 65536, 262144, 1048576))
	errs = append(errs, err)
	counter(&i.conflicts, "coatcheck.conflicts", "{conflict}", "Saves that found that another request was faster, and were tried again.")
	counter(&i.logins, "coatcheck.logins", "{login}", "Sign-ins that were stored.")
	counter(&i.rotations, "coatcheck.rotations", "{rotation}", "Sessions that got a new token.")
	counter(&i.ends, "coatcheck.ends", "{session}", "Sessions that were ended: sign-outs, revocations, and those that a limit has ended.")
	counter(&i.refused, "coatcheck.tokens.refused", "{token}", "Tokens that opened no session.")
	counter(&i.unread, "coatcheck.read.failures", "{failure}", "Records and values that could not be read.")
	counter(&i.adoptions, "coatcheck.adopt.failures", "{failure}", "Sessions of another system that could not be taken over.")
	counter(&i.dropped, "coatcheck.changes.dropped", "{request}", "Requests whose changes were not stored.")
	counter(&i.sweeps, "coatcheck.sweeps", "{sweep}", "Sweeps of expired sessions.")
	counter(&i.swept, "coatcheck.sweep.removed", "{session}", "Expired sessions that sweeps have removed.")
	i.lastSweep, err = meter.Float64Gauge("coatcheck.sweep.last_success", metric.WithUnit("s"),
		metric.WithDescription("When the last full sweep ended, in Unix time."))
	return errors.Join(append(errs, err)...)
}

// add is for an instrument that nobody may look at.
func add(ctx context.Context, c metric.Int64Counter, n int64, options []metric.AddOption) {
	if c.Enabled(ctx) {
		c.Add(ctx, n, options...)
	}
}

// call records a call of the store.
func (o *Observer) call(ctx context.Context, e *core.Event) {
	operation := operationOf(e)
	l := &o.calls[operation][resultOf(e)]
	if o.duration.Enabled(ctx) {
		o.duration.Record(ctx, e.Duration.Seconds(), l.record...)
	}
	if e.Size > 0 && e.Outcome == core.OutcomeDone && o.size.Enabled(ctx) {
		o.size.Record(ctx, int64(e.Size), o.sizes[operation]...)
	}
	if recorded(ctx) {
		o.span(ctx, e, operation, l)
	}
}

// sweep records a sweep. One that failed may have removed something.
func (o *Observer) sweep(ctx context.Context, e *core.Event) {
	add(ctx, o.sweeps, 1, o.results[resultOf(e)].add)
	add(ctx, o.swept, int64(e.Count), o.plain)
	if e.Outcome == core.OutcomeDone && o.lastSweep.Enabled(ctx) {
		o.lastSweep.Record(ctx, float64(time.Now().UnixMilli())/1000, o.plainRecord...)
	}
}
