package memcachestore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// Each server tells of itself. One that is down is the error, and hides no other.
func TestInspect(t *testing.T) {
	first, second := memcached(t).Addr, startserver.DeadAddr(t)
	s := open(t, first, second)
	found, err := s.Inspect(t.Context())
	if !errors.Is(err, driver.ErrUnavailable) || !strings.Contains(err.Error(), second) {
		t.Errorf("error %v", err)
	}
	if len(found) != 4 {
		t.Fatalf("%+v", found)
	}
	for i, name := range []string{"version", "memory", "evictions", "clock"} {
		if found[i].Name != first+": "+name || found[i].Value == "" || found[i].Warning != "" {
			t.Errorf("%+v, want %s without a warning", found[i], name)
		}
	}
	if !strings.HasSuffix(found[1].Value, " of 64 MiB") || !strings.HasPrefix(found[3].Value, "agrees") {
		t.Errorf("%+v", found)
	}
}

// A server that hangs costs Config.Timeout, or less if the context ends before.
func TestInspectEndsInTime(t *testing.T) {
	p := startserver.NewProxy(t, memcached(t).Addr)
	s := openWith(t, []string{p.Addr}, Config{Timeout: 100 * time.Millisecond})
	p.Hang()
	if _, err := s.Inspect(t.Context()); !errors.Is(err, driver.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Inspect(ctx); !errors.Is(err, driver.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// Evictions, and a clock that is certainly wrong, are warnings. What is missing or odd is left out.
func TestInspectWarnings(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	found := findings("a: ", map[string]string{"evictions": "3", "time": "999990", "limit_maxbytes": "?"}, now, now)
	if len(found) != 2 || !strings.Contains(found[0].Warning, "-m") || !strings.Contains(found[1].Warning, "NTP") {
		t.Errorf("%+v", found)
	}
}
