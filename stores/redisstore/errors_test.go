package redisstore

import (
	"errors"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// A full Redis refuses writes, but still reads and deletes.
func TestOutOfMemory(t *testing.T) {
	server := startserver.Redis(t, "--maxmemory-policy", "noeviction")
	s := openStore(t, nil, Config{}, server.Addr)
	rec := create(t, s, "alice", "data")
	command(t, server, "CONFIG", "SET", "maxmemory", "1")
	for name, err := range map[string]error{
		"Create":           s.Create(t.Context(), newRecord("", "x")),
		"Create for alice": s.Create(t.Context(), newRecord("alice", "x")),
		"Update":           s.Update(t.Context(), rec),
		"Succeed":          s.Succeed(t.Context(), ended(rec), newRecord("alice", "x")),
	} {
		if !errors.Is(err, driver.ErrUnavailable) || !strings.Contains(err.Error(), "raise maxmemory") {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, loads(t.Context(), s, rec))
	ok(t, s.Delete(t.Context(), rec.ID))
	if err := loads(t.Context(), s, rec); !errors.Is(err, driver.ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
}
