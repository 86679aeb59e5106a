package otelsession

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/driver"
)

// All sets of attributes are made by New. An attribute.Set and an option cost more than the rest of an event together.

const (
	operationKey = attribute.Key("coatcheck.operation")
	sourceKey    = attribute.Key("coatcheck.source")
	outcomeKey   = attribute.Key("coatcheck.outcome")
	reasonKey    = attribute.Key("coatcheck.reason")
	errorKey     = attribute.Key("error.type")
)

// The operations, by their index. A load has two: where the record came from is an attribute of its own.
var operations = [...]operation{
	{core.EventLoad, "store"}, {core.EventLoad, "cache"},
	{core.EventCreate, ""}, {core.EventUpdate, ""}, {core.EventTouch, ""}, {core.EventDelete, ""},
}

type operation struct {
	kind   core.EventKind
	source string // of a load
}

func (o operation) attributes() []attribute.KeyValue {
	all := []attribute.KeyValue{operationKey.String(string(o.kind))}
	if o.source != "" {
		all = append(all, sourceKey.String(o.source))
	}
	return all
}

func operationOf(e *core.Event) int {
	switch e.Kind {
	case core.EventLoad:
		if e.Cached {
			return 1
		}
		return 0
	case core.EventCreate:
		return 2
	case core.EventUpdate:
		return 3
	case core.EventTouch:
		return 4
	}
	return 5
}

// The results, by their index: the outcomes that are no failures, and one for each error.type of OutcomeFailed.
var results = [...]struct {
	outcome   core.Outcome
	errorType string
}{
	{core.OutcomeDone, ""}, {core.OutcomeNotFound, ""}, {core.OutcomeConflict, ""},
	{core.OutcomeFailed, "timeout"}, {core.OutcomeFailed, "canceled"}, {core.OutcomeFailed, "unavailable"},
	{core.OutcomeFailed, "too_large"}, {core.OutcomeFailed, "corrupt"}, {core.OutcomeFailed, "unreadable"},
	{core.OutcomeFailed, "incomplete"}, {core.OutcomeFailed, "_OTHER"},
}

// failures are the errors of the results from firstFailure on, but for the last. The first one that matches counts: an
// outage may have passed a deadline.
var failures = [...]error{
	context.DeadlineExceeded, context.Canceled, driver.ErrUnavailable,
	driver.ErrTooLarge, driver.ErrCorrupt, driver.ErrUnreadable, driver.ErrIncomplete,
}

const firstFailure = 3

func resultOf(e *core.Event) int {
	switch e.Outcome {
	case core.OutcomeDone:
		return 0
	case core.OutcomeNotFound:
		return 1
	case core.OutcomeConflict:
		return 2
	}
	for i, err := range failures {
		if errors.Is(e.Err, err) {
			return firstFailure + i
		}
	}
	return len(results) - 1
}

// labels are the attributes as options of measurements.
type labels struct {
	plain       []metric.AddOption // Config.Attributes alone
	plainRecord []metric.RecordOption
	reasons     map[core.EventKind][]metric.AddOption
	results     [len(results)]label
	calls       [len(operations)][len(results)]label
	sizes       [len(operations)][]metric.RecordOption
}

type label struct {
	attributes []attribute.KeyValue // for spans
	add        []metric.AddOption
	record     []metric.RecordOption
}

func newLabels(own []attribute.KeyValue) labels {
	with := func(more ...attribute.KeyValue) label {
		set := attribute.NewSet(append(append([]attribute.KeyValue(nil), own...), more...)...)
		option := metric.WithAttributeSet(set)
		return label{set.ToSlice(), []metric.AddOption{option}, []metric.RecordOption{option}}
	}
	var l labels
	l.plain, l.plainRecord = with().add, with().record
	l.reasons = map[core.EventKind][]metric.AddOption{}
	for _, kind := range []core.EventKind{
		core.EventExpired, core.EventUnknown, core.EventLate, core.EventReused, core.EventAmbiguous,
		core.EventCorrupt, core.EventUnreadable, core.EventDecode,
	} {
		l.reasons[kind] = with(reasonKey.String(string(kind))).add
	}
	for r, result := range results {
		how := []attribute.KeyValue{outcomeKey.String(string(result.outcome))}
		if result.errorType != "" {
			how = append(how, errorKey.String(result.errorType))
		}
		l.results[r] = with(how...)
		for o, operation := range operations {
			l.calls[o][r] = with(append(operation.attributes(), how...)...)
		}
	}
	for o := range operations {
		l.sizes[o] = with(operationKey.String(string(operations[o].kind))).record
	}
	return l
}
