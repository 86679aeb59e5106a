package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

func row(library, framework, store, name string, metrics map[string]float64) result.Row {
	return result.Row{Library: library, Version: "v1.2.3", Framework: framework, Store: store, Case: name, Metrics: metrics}
}

func own(p10 float64) map[string]float64 {
	return map[string]float64{"own_p10_ns": p10, "own_median_ns": 2 * p10, "bytes": 100, "allocs": 5}
}

func suites() Suites {
	verdict := row("scs", "net/http", "memory", "lost updates", map[string]float64{"kept": 2})
	verdict.Text = map[string]string{"verdict": "2 of 64 kept"}
	return Suites{
		Speed: &result.Suite{Name: "speed", Command: "go run . speed", Machine: "a machine", Time: time.Now(), Notes: []string{"a note"}, Rows: []result.Row{
			row("", "net/http", "", "C", map[string]float64{"p10_ns": 100}),
			row("coatcheck", "net/http", "memory", "C", own(1000)), row("scs", "net/http", "memory", "C", own(20_000)),
			row("coatcheck", "net/http", "memory", "A", own(300)), row("coatcheck", "gin", "memory", "A", own(400)), row("fiber v3 session", "fiber v3", "memory", "A", own(0)),
			row("coatcheck", "net/http", "memory", "D", own(2000)), row("scs", "net/http", "memory", "D", own(30_000)),
			row("coatcheck", "net/http", "memory", "E", own(2500)), row("scs", "net/http", "memory", "E", own(2400)), row(peer.Least, "net/http", "memory", "E", own(2000)),
		}},
		Correct: &result.Suite{Name: "correct", Rows: []result.Row{row("coatcheck", "gin", "memory", "lost updates", map[string]float64{"kept": 64}), verdict}},
		Load: &result.Suite{Name: "load", Rows: []result.Row{
			row("", "gin", "", "D", map[string]float64{"per_second": 1000}),
			row("coatcheck", "gin", "memory", "D", map[string]float64{"per_second": 850, "of_bare": .85}),
			row("coatcheck", "gin", "memory", "C", map[string]float64{"per_second": 900, "of_bare": .90}),
			row("gin-contrib/sessions", "gin", "memory", "C", map[string]float64{"per_second": 910, "of_bare": .91}),
			row("gin-contrib/sessions", "gin", "memory", "D", map[string]float64{"per_second": 160, "of_bare": .16}),
		}},
		Scale: &result.Suite{Name: "scale", Rows: []result.Row{
			row("coatcheck", "", "memory", "1000", map[string]float64{"worst_read_ms": .1, "read_p50_us": 1}),
			row("coatcheck", "", "memory", "1000000", map[string]float64{"worst_read_ms": 4, "read_p50_us": 1.5}),
			row("scs", "", "memory", "1000000", map[string]float64{"worst_read_ms": 3, "read_p50_us": 1.6}),
			row("coatcheck", "", "redis", "1000000", map[string]float64{"bytes_beside_payload": 321, "read_p50_us": 30}),
		}},
		Signin: &result.Suite{Name: "signin", Rows: []result.Row{
			row("coatcheck", "", "redis", "1000", map[string]float64{"per_second": 999.6, "p50_ms": .21, "p99_ms": 3.5, "failed": 0}),
		}},
	}
}

func TestPageHasEverything(t *testing.T) {
	text := Page(suites())
	for _, want := range []string{
		"**1.0 µs** (coatcheck on net/http), and 20 µs", "**85 %** of the bare framework's throughput; with other libraries 16 %", "**64** are kept; with other libraries 2 at most",
		"| memory | own cost, case E | scs on net/http | 2.4 µs | 2.5 µs | 2.0 µs |", // where we lose
		"| memory | throughput, case C | gin-contrib/sessions | 91 % of bare | 90 % of bare |  |",
		"| memory | worst read during removal, 1,000,000 sessions | scs | 3.0 ms | 4.0 ms |  |",
		"| memory | own cost, case A | fiber v3 session | 0 | 400 ns |  |", // no coatcheck there: its weakest
		"2 of 64 kept", "20 µs (40 µs), 100 / 5", "160/s, 0.16 of bare", "| 1,000,000 |", "| redis | 1,000/s | 1000/s | 210 µs | 3.5 ms | 0 |", "321 bytes", "a machine", "a note", "- scs v1.2.3",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, win := range []string{"| own cost, case C |", "| read p50, ", "| throughput, case D |"} {
		if strings.Contains(text, win) {
			t.Errorf("a win is listed as a loss: %s", win)
		}
	}
}

func TestPageOfNothing(t *testing.T) {
	if text := Page(Suites{Load: &result.Suite{Notes: []string{"not measured: wrk is not installed"}}}); strings.Count(text, "Not measured on this machine.") != 6 ||
		!strings.Contains(text, "wrk is not installed") {
		t.Error(text)
	}
}

func TestWriteDrawsCharts(t *testing.T) {
	dir := t.TempDir()
	if err := Write(dir, suites()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"speed-memory.svg": "scs on net/http", "load.svg": "85 %", "scale-worst.svg": "1,000,000", "scale-servers.svg": "coatcheck, redis"} {
		svg, err := os.ReadFile(filepath.Join(dir, "benchmarks", name))
		if err != nil || !strings.Contains(string(svg), want) {
			t.Errorf("%s lacks %q: %v", name, want, err)
		}
	}
}

// Our files that are synced and those that are not are compared each for itself.
func TestLossesOfBothFileStores(t *testing.T) {
	own := func(x float64) map[string]float64 { return map[string]float64{"own_p10_ns": x} }
	row := func(library string, x float64) result.Row {
		return result.Row{Library: library, Framework: "net/http", Store: "file", Case: "E", Metrics: own(x)}
	}
	rows := []result.Row{row("coatcheck", 700_000), row(peer.SyncEnds, 40_000), row("gorilla/sessions", 55_000)}
	what := func(row result.Row) string { return row.Case }
	if got := lost(rows, byCost, what); len(got) != 1 || got[0][4] != "700 µs" {
		t.Errorf("%q", got)
	}
	rows[1] = row(peer.SyncEnds, 60_000)
	if got := lost(rows, byCost, what); len(got) != 2 || got[1][4] != "60 µs with sync=ends" {
		t.Errorf("%q", got)
	}
}
