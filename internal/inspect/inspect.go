// Package inspect has what the stores share that tell an operator about their storage (driver.Inspector).
package inspect

import (
	"fmt"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// tolerance is by how much two clocks may differ without a warning.
const tolerance = time.Second

// Clock compares a server's clock with the store's own. theirs is what the server said, between sent and received; it
// may be off by resolution, in either direction. It warns only of a difference that is certain.
func Clock(name string, theirs time.Time, resolution time.Duration, sent, received time.Time) driver.Finding {
	f := driver.Finding{Name: name}
	unsure := resolution + received.Sub(sent)
	ahead, behind := theirs.Sub(received)-resolution, sent.Sub(theirs)-resolution
	switch {
	case ahead > 0:
		f.Value = fmt.Sprintf("at least %v ahead of this process", ahead.Round(time.Millisecond))
	case behind > 0:
		f.Value = fmt.Sprintf("at least %v behind this process", behind.Round(time.Millisecond))
	default:
		f.Value = fmt.Sprintf("agrees to within %v", max(unsure.Round(time.Millisecond), time.Millisecond))
	}
	if max(ahead, behind) > tolerance {
		f.Warning = "one of the two clocks is wrong, and where it is, sessions end too early or too late: set both by NTP"
	}
	return f
}

// Size is a number of bytes for people to read.
func Size(n uint64) string {
	for i, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if n>>(10*i) < 10<<10 || unit == "GiB" {
			return fmt.Sprintf("%d %s", n>>(10*i), unit)
		}
	}
	return ""
}

// NearlyFull reports whether used is more than nine tenths of limit. A limit of 0 is none.
func NearlyFull(used, limit uint64) bool { return limit > 0 && used > limit-limit/10 }
