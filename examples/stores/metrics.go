package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/coatcheck-go/coatcheck/otelsession"
)

// newMetrics returns an observer that measures, and the page on which Prometheus reads what it has measured. The names
// there are those of otelsession/README.md, and of deploy/.
func newMetrics() (*otelsession.Observer, http.Handler, error) {
	exporter, err := prometheus.New()
	if err != nil {
		return nil, nil, err
	}
	o, err := otelsession.New(otelsession.Config{MeterProvider: metric.NewMeterProvider(metric.WithReader(exporter))})
	return o, promhttp.Handler(), err
}
