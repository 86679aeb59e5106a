package scale

import (
	"context"
	"math"
	"path/filepath"
	"testing"

	"github.com/coatcheck-go/coatcheck/bench/servers"
)

func TestStoresAreMeasured(t *testing.T) {
	for name, measure := range map[string]func(int, string) (map[string]float64, error){"memory": memory, "scs": scsMemory, "fiber": fiberMemory, "file": files} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "fiber" && testing.Short() {
				t.Skip("waits 20 s for its cleanup")
			}
			m, err := measure(1000, filepath.Join(t.TempDir(), "s"))
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"read_p50_us", "read_p99_us", "worst_read_ms"} {
				if m[key] <= 0 {
					t.Errorf("%s is %v", key, m[key])
				}
			}
			if m["read_p50_us"] > m["read_p99_us"] {
				t.Errorf("%v", m)
			}
			if name == "file" && m["files"] != 1 {
				t.Errorf("%v files for an anonymous session", m["files"])
			}
		})
	}
}

func TestServersAreMeasured(t *testing.T) {
	set, notes, stop := servers.Start()
	defer stop()
	rows, err := onServers(Config{Servers: set.Places, Progress: func(string) {}}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 3-len(notes) {
		t.Errorf("%d rows, and %v", len(rows), notes)
	}
	for _, row := range rows {
		if row.Metrics["read_p50_us"] <= 0 || row.Store == "redis" && (row.Metrics["bytes_beside_payload"] < 50 || row.Metrics["bytes_beside_payload"] > 2000) {
			t.Errorf("%s: %v", row.Store, row.Metrics)
		}
	}
}

func TestAt(t *testing.T) {
	times := []float64{1, 2, 3, 4}
	if at(times, 0) != 1 || at(times, .5) != 3 || at(times, 1) != 4 || math.IsNaN(at(times, .99)) {
		t.Error(at(times, 0), at(times, .5), at(times, 1))
	}
}

func TestSweepThatStops(t *testing.T) {
	// A sweep that finds nothing must not pass for one that removed half.
	if err := sweepHalf(10, func(_ context.Context, _ int) (int, error) { return 0, nil }); err == nil {
		t.Error("no error")
	}
}

func TestLowestOfTheRounds(t *testing.T) {
	figures := []float64{3, 1, 2}
	m, err := lowest(3, func() (map[string]float64, error) {
		x := figures[0]
		figures = figures[1:]
		return map[string]float64{"worst_read_ms": x}, nil
	})
	if err != nil || m["worst_read_ms"] != 1 {
		t.Errorf("%v, %v", m, err)
	}
}
