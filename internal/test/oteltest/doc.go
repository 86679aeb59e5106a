// Package oteltest tests otelsession with OpenTelemetry's SDK, and the files in deploy with a real Prometheus. It is a
// module of its own: what tests need of the SDK and the exporter would otherwise stand in the go.sum of users.
package oteltest
