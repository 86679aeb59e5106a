package scale

import (
	"path/filepath"
	"testing"
)

func TestStoresAreMeasured(t *testing.T) {
	for name, measure := range map[string]func(int, string) (map[string]float64, error){"memory": memory, "file": files} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := measure(1000, filepath.Join(t.TempDir(), "s"))
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"read_p50_us", "read_p99_us", "worst_read_ms", "sweep_s"} {
				if m[key] <= 0 {
					t.Errorf("%s is %v", key, m[key])
				}
			}
		})
	}
}
