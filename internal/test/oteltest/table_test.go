package oteltest

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/otelsession"
)

// row is a line of README.md's table.
type row struct{ kind, unit, attributes, exported, text string }

var quoted = regexp.MustCompile("`([^`]+)`")

// table reads the metrics of otelsession/README.md.
func table(t *testing.T) map[string]row {
	t.Helper()
	rows := map[string]row{}
	for line := range strings.Lines(string(made.Of(os.ReadFile("../../../otelsession/README.md")))) {
		cells := strings.Split(line, "|")
		if len(cells) != 8 || !strings.HasPrefix(cells[1], " `coatcheck.") {
			continue
		}
		var names []string
		for _, m := range quoted.FindAllStringSubmatch(cells[4], -1) {
			names = append(names, m[1])
		}
		name, exported := quoted.FindStringSubmatch(cells[1])[1], quoted.FindStringSubmatch(cells[5])[1]
		rows[name] = row{strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), strings.Join(names, " "), exported, strings.TrimSpace(cells[6])}
	}
	return rows
}

// TestTable: README.md names every metric that is exported, and no other, with its kind, unit and attributes.
func TestTable(t *testing.T) {
	o := observe(t, otelsession.Config{})
	for _, e := range everyEvent() {
		o.Observe(t.Context(), e)
	}
	_, err := o.Watch(cached(t, nil))
	must(t, err)
	got := map[string]row{}
	for name, m := range o.read(t) {
		kind, _, sets := points(m)
		keys := map[string]bool{}
		for _, set := range sets {
			for _, kv := range set.ToSlice() {
				keys[string(kv.Key)] = true
			}
		}
		got[name] = row{kind: kind, unit: m.Unit, attributes: strings.Join(slices.Sorted(maps.Keys(keys)), " ")}
		if len(m.Description) < 20 {
			t.Errorf("%s has the description %q", name, m.Description)
		}
	}
	want := table(t)
	if len(want) < 10 {
		t.Fatalf("the table has %d metrics", len(want))
	}
	for name := range maps.Keys(got) {
		w := want[name]
		w.exported, w.text = "", ""
		if got[name] != w {
			t.Errorf("%s is %+v, the table says %+v", name, got[name], w)
		}
	}
	for name := range want {
		if _, there := got[name]; !there {
			t.Errorf("%s is in the table, and not exported", name)
		}
	}
}

// TestExportedNames: the Prometheus exporter names the metrics as the table says.
func TestExportedNames(t *testing.T) {
	registry := prometheus.NewRegistry()
	provider := sdk.NewMeterProvider(sdk.WithReader(made.Of(exporter.New(exporter.WithRegisterer(registry)))))
	defer func() { _ = provider.Shutdown(t.Context()) }()
	o := made.Of(otelsession.New(otelsession.Config{MeterProvider: provider}))
	for _, e := range everyEvent() {
		o.Observe(t.Context(), e)
	}
	_, err := o.Watch(cached(t, nil))
	must(t, err)
	names := map[string]bool{}
	for _, family := range made.Of(registry.Gather()) {
		if strings.HasPrefix(family.GetName(), "coatcheck") {
			names[family.GetName()] = true
		}
	}
	want := map[string]bool{}
	for _, r := range table(t) {
		want[r.exported] = true
	}
	if !maps.Equal(names, want) {
		t.Errorf("exported are\n%q, the table has\n%q", slices.Sorted(maps.Keys(names)), slices.Sorted(maps.Keys(want)))
	}
}
