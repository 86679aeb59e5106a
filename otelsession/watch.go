package otelsession

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/coatcheck-go/coatcheck/core"
)

const (
	countEvery = time.Minute     // since a count may look at each session
	countTime  = 2 * time.Second // since the reader of all metrics waits for it
)

// Watch adds the metrics that no event tells: the number of sessions, where the store of m can count them, and whether
// its breakers are open. m is the manager whose events o observes. The sessions are counted when the metrics are read,
// once a minute at most; a count that fails, or takes more than two seconds, leaves the metric out. Unregister the
// result before m.Close if the process goes on without m. The error is that of the MeterProvider, if it refuses an
// instrument.
func (o *Observer) Watch(m *core.Manager) (metric.Registration, error) {
	sessions, err := o.meter.Int64ObservableGauge("coatcheck.sessions", metric.WithUnit("{session}"),
		metric.WithDescription("Sessions alive, visitors who have not signed in included."))
	breakers, failed := o.meter.Int64ObservableGauge("coatcheck.breaker.open", metric.WithUnit("{part}"),
		metric.WithDescription("1 if a part of the storage gets no calls for now, since the last ones failed."))
	if err := errors.Join(err, failed); err != nil {
		return nil, fmt.Errorf("otelsession: Config.MeterProvider: %w", err)
	}
	c := counter{count: m.Count}
	own := metric.WithAttributes(o.own...)
	registration, err := o.meter.RegisterCallback(func(ctx context.Context, to metric.Observer) error {
		if n, ok := c.ask(ctx); ok {
			to.ObserveInt64(sessions, int64(n), own)
		}
		for part, open := range m.Breakers() {
			to.ObserveInt64(breakers, oneIf(open), metric.WithAttributes(append(slices.Clone(o.own), attribute.String("coatcheck.part", part))...))
		}
		return nil // an error would cost the reader all other metrics
	}, sessions, breakers)
	if err != nil {
		return nil, fmt.Errorf("otelsession: Config.MeterProvider: %w", err)
	}
	return registration, nil
}

func oneIf(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// counter keeps a count for a while.
type counter struct {
	count func(context.Context) (int, error)

	mu    sync.Mutex
	asked time.Time
	n     int
	err   error
}

// ask returns the count of the last minute, or false if there is none.
func (c *counter) ask(ctx context.Context) (n int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !errors.Is(c.err, errors.ErrUnsupported) && (c.asked.IsZero() || time.Since(c.asked) >= countEvery) {
		ctx, cancel := context.WithTimeout(ctx, countTime)
		defer cancel()
		c.n, c.err = c.count(ctx)
		c.asked = time.Now()
	}
	return c.n, c.err == nil
}
