package signin

import (
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/servers"
)

func TestEveryStoreIsMeasured(t *testing.T) {
	set, notes, stop := servers.Start()
	defer stop()
	places, remove, err := set.Places()
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	suite, err := Run(Config{Places: places, Rate: 50, Time: time.Second, Progress: func(string) {}})
	if err != nil {
		t.Fatal(err)
	}
	if len(suite.Rows) != len(places) {
		t.Errorf("%d rows for %d places; %v", len(suite.Rows), len(places), notes)
	}
	for _, row := range suite.Rows {
		if row.Metrics["failed"] != 0 || row.Metrics["per_second"] <= 0 || row.Metrics["p50_ms"] > row.Metrics["p99_ms"] {
			t.Errorf("%s: %v", row.Store, row.Metrics)
		}
	}
}
