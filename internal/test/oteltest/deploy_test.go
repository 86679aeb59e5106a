package oteltest

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

const deploy = "../../../deploy/"

// TestRules: promtool takes the alerts, and its tests of them pass.
func TestRules(t *testing.T) {
	startserver.Promtool(t, deploy+"prometheus", "check", "rules", "rules.yml")
	startserver.Promtool(t, deploy+"prometheus", "test", "rules", "rules_test.yml")
}

var (
	alertName = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	runbook   = regexp.MustCompile(`runbook_url: docs/operations\.md#([a-z-]+)`)
)

// TestEveryAlertIsTested: each alert has a case in which it fires, one in which it does not, and its own runbook.
func TestEveryAlertIsTested(t *testing.T) {
	rules := string(made.Of(os.ReadFile(deploy + "prometheus/rules.yml")))
	cases := string(made.Of(os.ReadFile(deploy + "prometheus/rules_test.yml")))
	alerts := alertName.FindAllStringSubmatch(rules, -1)
	if len(alerts) < 6 {
		t.Fatalf("%d alerts", len(alerts))
	}
	runbooks := map[string]bool{}
	for _, m := range runbook.FindAllStringSubmatch(rules, -1) {
		runbooks[m[1]] = true
	}
	if len(runbooks) != len(alerts) {
		t.Errorf("%d alerts have %d runbooks: %v", len(alerts), len(runbooks), runbooks)
	}
	for _, m := range alerts {
		silent := strings.Contains(cases, "alertname: "+m[1]+", exp_alerts: []}")
		fires := regexp.MustCompile(`alertname: ` + m[1] + `\n +exp_alerts:`).MatchString(cases)
		if !silent || !fires {
			t.Errorf("rules_test.yml: %s: a case without it %t, a case with it %t", m[1], silent, fires)
		}
	}
}

// dashboard is what the tests need of a dashboard's JSON.
type dashboard struct {
	Panels []struct {
		ID                       int
		Type, Title, Description string
		Datasource               struct{ Type, UID string }
		Targets                  []struct{ Expr string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	var d dashboard
	text := made.Of(os.ReadFile(deploy + "grafana/coatcheck.json"))
	// The query of a variable is a string or an object.
	var loose struct{ Panels json.RawMessage }
	must(t, json.Unmarshal(text, &loose))
	must(t, json.Unmarshal(loose.Panels, &d.Panels))
	if !strings.Contains(string(text), `"type": "datasource"`) {
		t.Error("the dashboard lets nobody choose the data source")
	}
	return d
}

var metricName = regexp.MustCompile(`coatcheck_[a-z_]+`)

// TestDashboard: each panel says in a sentence what it shows, and the dashboard shows every metric, and no other.
func TestDashboard(t *testing.T) {
	known := map[string]bool{} // shown
	for _, r := range table(t) {
		known[r.exported] = false
	}
	ids := map[int]bool{}
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Type == "row" {
			continue
		}
		if d := p.Description; len(d) < 20 || !strings.HasSuffix(d, ".") || strings.Count(d, ". ") > 0 {
			t.Errorf("%s: the description is no sentence: %q", p.Title, d)
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s: data source %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			for _, name := range metrics(target.Expr) {
				if _, there := known[name]; !there {
					t.Errorf("%s: there is no metric %s", p.Title, name)
				}
				known[name] = true
			}
		}
	}
	for name, shown := range known {
		if !shown {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
}

// metrics returns the names of the metrics in a query, histograms without the suffix of a part.
func metrics(query string) (names []string) {
	for _, name := range metricName.FindAllString(query, -1) {
		switch name {
		case "coatcheck_operation", "coatcheck_outcome", "coatcheck_source", "coatcheck_reason", "coatcheck_part": // labels
			continue
		}
		for _, part := range []string{"_bucket", "_count", "_sum"} {
			name = strings.TrimSuffix(name, part)
		}
		names = append(names, name)
	}
	return names
}
