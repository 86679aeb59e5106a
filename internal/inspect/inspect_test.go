package inspect_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/internal/inspect"
)

// A slow answer or a coarse clock gives no false alarm, and what is certain is told.
func TestClock(t *testing.T) {
	sent := time.Unix(1_000_000, 0)
	for _, c := range []struct {
		theirs, resolution, took time.Duration
		value                    string
		warns                    bool
	}{
		{0, 0, 0, "agrees to within 1ms", false},
		{2 * time.Second, 0, 3 * time.Second, "agrees to within 3s", false},
		{500 * time.Millisecond, 0, time.Millisecond, "at least 499ms ahead", false},
		{1100 * time.Millisecond, 0, time.Millisecond, "at least 1.099s ahead", true},
		{-1100 * time.Millisecond, 0, time.Millisecond, "at least 1.1s behind", true},
		{-1100 * time.Millisecond, 2 * time.Second, time.Millisecond, "agrees to within 2.001s", false},
		{-4 * time.Second, 2 * time.Second, time.Millisecond, "at least 2s behind", true},
		{time.Hour, 0, time.Millisecond, "at least 59m59.999s ahead", true},
	} {
		f := inspect.Clock("clock", sent.Add(c.theirs), c.resolution, sent, sent.Add(c.took))
		if f.Name != "clock" || !strings.HasPrefix(f.Value, c.value) || (f.Warning != "") != c.warns {
			t.Errorf("%v: %+v", c, f)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 10<<10 - 1: "10239 B", 10 << 10: "10 KiB", 20 << 20: "20 MiB", 20 << 40: "20480 GiB"} {
		if got := inspect.Size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for _, c := range []struct {
		used, limit uint64
		full        bool
	}{{91, 100, true}, {90, 100, false}, {5, 0, false}} {
		if inspect.NearlyFull(c.used, c.limit) != c.full {
			t.Error(c)
		}
	}
}
