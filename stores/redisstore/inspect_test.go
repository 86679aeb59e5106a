package redisstore

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func findings(tb testing.TB, s *Store) map[string]driver.Finding {
	tb.Helper()
	found, err := s.Inspect(tb.Context())
	ok(tb, err)
	all := map[string]driver.Finding{}
	for _, f := range found {
		_, name, _ := strings.Cut(f.Name, ": ")
		all[name] = f
	}
	return all
}

// The settings of a running server, and what changes in them.
func TestInspect(t *testing.T) {
	server := startserver.Redis(t, "--appendonly", "no")
	s := openStore(t, nil, Config{}, server.Addr)
	all := findings(t, s)
	for name, value := range map[string]string{
		"version": "", "role": "master", "memory": "no maxmemory", "maxmemory-policy": "noeviction", "evicted keys": "0", "appendonly": "no", "clock": "agrees",
	} {
		if f := all[name]; f.Value == "" || !strings.Contains(f.Value, value) || f.Warning != "" || !strings.HasPrefix(f.Name, server.Addr+": ") {
			t.Errorf("%s: %+v, want %q", name, f, value)
		}
	}
	command(t, server, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	if f := findings(t, s)["maxmemory-policy"]; f.Value != "allkeys-lru" || f.Warning != "" {
		t.Errorf("without maxmemory no policy does harm: %+v", f)
	}
	command(t, server, "CONFIG", "SET", "maxmemory", "100mb")
	all = findings(t, s)
	if f := all["maxmemory-policy"]; !strings.Contains(f.Warning, "noeviction") {
		t.Errorf("%+v", f)
	}
	if f := all["memory"]; !strings.HasSuffix(f.Value, " of 100 MiB") || f.Warning != "" {
		t.Errorf("%+v", f)
	}
	s.now = func() time.Time { return time.Now().Add(-time.Minute) }
	if f := findings(t, s)["clock"]; !strings.Contains(f.Value, "ahead") || !strings.Contains(f.Warning, "NTP") {
		t.Errorf("%+v", f)
	}
}

// A full server, and one that has evicted keys, are warnings.
func TestInspectWarnings(t *testing.T) {
	found := infoFindings("a: ", "# Memory\r\nused_memory:99\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\nevicted_keys:7\r\naof_enabled:1\r\n")
	if len(found) != 4 || found[0].Warning == "" || found[1].Warning != "" || !strings.Contains(found[2].Warning, "thrown out") || found[3].Value != "yes" {
		t.Errorf("%+v", found)
	}
}

// The user of the package comment may ask. A user without the right to INFO is told, and still gets the clock.
func TestInspectWithoutRights(t *testing.T) {
	server := startserver.Redis(t)
	for _, more := range [][]string{nil, {"-info"}} {
		client, err := rueidis.NewClient(restricted(t, server, more...))
		ok(t, err)
		defer client.Close()
		s, err := New(client, Config{})
		ok(t, err)
		all := findings(t, s)
		if _, known := all["version"]; known != (more == nil) || all["clock"].Value == "" {
			t.Errorf("%q: %+v", more, all)
		}
		if f := all["INFO"]; (f.Warning != "") != (more != nil) {
			t.Errorf("%q: %+v", more, f)
		}
	}
}
