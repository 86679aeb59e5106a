package oteltest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

const config = `
global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 500ms}
rule_files: [rules.yml]
scrape_configs:
  - job_name: shop
    static_configs: [{targets: [%q]}]
`

// TestPrometheus: a real Prometheus scrapes an instrumented application, and has a sample for each query of the dashboard
// and for each metric of the alerts, with its labels.
func TestPrometheus(t *testing.T) {
	a := newApp(t)
	rules := string(made.Of(os.ReadFile(deploy + "prometheus/rules.yml")))
	server := prom{startserver.Prometheus(t, map[string]string{
		"rules.yml":      rules,
		"prometheus.yml": fmt.Sprintf(config, strings.TrimPrefix(a.URL, "http://")),
	}).Addr}

	missing := queries(t)
	for _, r := range server.rules(t) {
		missing = append(missing, selectors(r.Query)...)
	}
	slices.Sort(missing)
	missing = slices.Compact(missing)
	if len(missing) < 30 {
		t.Fatalf("only %d queries: %q", len(missing), missing)
	}
	t.Logf("%d queries", len(missing))
	for deadline := time.Now().Add(time.Minute); len(missing) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("no sample for %d queries:\n%s", len(missing), strings.Join(missing, "\n"))
		}
		a.traffic(t)
		missing = slices.DeleteFunc(missing, func(query string) bool { return server.hasSample(t, query) })
	}
	for _, r := range server.rules(t) {
		if r.Health == "err" || r.LastError != "" {
			t.Errorf("%s: %s %s", r.Name, r.Health, r.LastError)
		}
	}
}

// queries are those of the dashboard, with its variables filled in.
func queries(t *testing.T) (all []string) {
	fill := strings.NewReplacer("$__rate_interval", "30s", "$job", ".*")
	for _, p := range readDashboard(t).Panels {
		for _, target := range p.Targets {
			all = append(all, fill.Replace(target.Expr))
		}
	}
	return all
}

var selector = regexp.MustCompile(`coatcheck_[a-z_]+(\{[^}]*\})?`)

// selectors are the metrics of an alert, with their labels. An alert itself has no sample while it is silent.
func selectors(query string) []string {
	outside := regexp.MustCompile(`(by|on) ?\([^)]*\)`).ReplaceAllString(query, "")
	return selector.FindAllString(outside, -1)
}

// prom is a running Prometheus.
type prom struct{ addr string }

func (p prom) get(t *testing.T, path string, into any) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	resp := made.Of(client.Get("http://" + p.addr + path))
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	must(t, json.NewDecoder(resp.Body).Decode(&answer))
	if answer.Status != "success" {
		t.Fatalf("%s: %s", path, answer.Error)
	}
	must(t, json.Unmarshal(answer.Data, into))
}

// hasSample reports whether a query has a value that is a number.
func (p prom) hasSample(t *testing.T, query string) bool {
	t.Helper()
	var data struct{ Result []struct{ Value [2]any } }
	p.get(t, "/api/v1/query?query="+url.QueryEscape(query), &data)
	for _, sample := range data.Result {
		if sample.Value[1] != "NaN" {
			return true
		}
	}
	return false
}

type alert struct{ Name, Query, Health, LastError string }

// rules are the alerts that Prometheus has loaded.
func (p prom) rules(t *testing.T) (all []alert) {
	t.Helper()
	var data struct{ Groups []struct{ Rules []alert } }
	p.get(t, "/api/v1/rules", &data)
	for _, g := range data.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 6 {
		t.Fatalf("Prometheus has %d alerts", len(all))
	}
	return all
}
