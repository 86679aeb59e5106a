package otelsession_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/owncost"
	"github.com/coatcheck-go/coatcheck/otelsession"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// idle are the providers that do nothing: the global ones before anybody sets others, and those of package noop.
var idle = map[string]otelsession.Config{
	"unset": {},
	"noop":  {MeterProvider: metricnoop.NewMeterProvider(), TracerProvider: tracenoop.NewTracerProvider()},
}

// requestEvents are those of a request that moves its deadline, and of one that changes the session.
func requestEvents() []core.Event {
	return []core.Event{
		{Kind: core.EventLoad, Outcome: core.OutcomeDone, Size: 300, Duration: time.Millisecond},
		{Kind: core.EventTouch, Outcome: core.OutcomeDone, Duration: time.Millisecond},
		{Kind: core.EventUpdate, Outcome: core.OutcomeDone, Size: 300, Duration: time.Millisecond},
	}
}

func newObserver(tb testing.TB, config otelsession.Config) *otelsession.Observer {
	tb.Helper()
	o, err := otelsession.New(config)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// BenchmarkObserve is what an Observer adds to a load, a touch and an update of one request, when nobody reads metrics.
func BenchmarkObserve(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	events := requestEvents()
	for name, config := range idle {
		b.Run(name, func(b *testing.B) {
			o := newObserver(b, config)
			b.ReportAllocs()
			for b.Loop() {
				for _, e := range events {
					o.Observe(ctx, e)
				}
			}
		})
	}
}

// BenchmarkRequest is what an Observer adds to a request that loads its session, without an adapter. An empty Observer is
// what core itself spends: the time of the call, and the contexts.
func BenchmarkRequest(b *testing.B) {
	for name, observe := range map[string]func(context.Context, core.Event){
		"empty": func(context.Context, core.Event) {},
		"unset": newObserver(b, idle["unset"]).Observe,
		"noop":  newObserver(b, idle["noop"]).Observe,
	} {
		b.Run(name, func(b *testing.B) { owncost.Own(b, requests(b, nil), requests(b, observe)) })
	}
}

// requests returns a function that makes one request with a session.
func requests(b testing.TB, observe func(context.Context, core.Event)) func() {
	m, err := core.New(core.Config{Store: made.Of(memstore.New(memstore.Config{})), Observer: observe})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	request := func(header http.Header, use func(*core.Session)) core.Out {
		x := m.Adapter().Begin(b.Context(), header)
		s, err := x.Session(x.Context()) // as adapters do
		if err != nil {
			b.Fatal(err)
		}
		use(s)
		out, err := x.Commit(x.Context(), 200)
		if err != nil {
			b.Fatal(err)
		}
		_ = x.Finish(b.Context())
		return out
	}
	cookie, _, _ := strings.Cut(request(nil, func(s *core.Session) { _ = s.Login("alice") }).Value, ";")
	header := http.Header{"Cookie": {cookie}}
	return func() { request(header, func(s *core.Session) { _ = s.Subject() }) }
}

// TestAllocationsOfObserve: an event costs no allocation when nobody reads metrics.
func TestAllocationsOfObserve(t *testing.T) {
	for name, config := range idle {
		o, events := newObserver(t, config), requestEvents()
		events = append(events, core.Event{Kind: core.EventUnknown, Outcome: core.OutcomeNotFound}, core.Event{Kind: core.EventConflict})
		if n := testing.AllocsPerRun(100, func() {
			for _, e := range events {
				o.Observe(t.Context(), e)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations for %d events", name, n, len(events))
		}
	}
}

// TestAllocationsOfRequest: nor does the request that it is about.
func TestAllocationsOfRequest(t *testing.T) {
	for name, config := range idle {
		if n := owncost.Allocs(requests(t, nil), requests(t, newObserver(t, config).Observe)); n > 0 {
			t.Errorf("%s: an Observer costs a request %v allocations", name, n)
		}
	}
}
