package redisstore

import (
	"crypto/sha1"
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

func scriptOf(body string) script {
	sum := sha1.Sum([]byte(body))
	return script{hex.EncodeToString(sum[:]), body}
}

// The SHA-1 of each script is right. A changed script needs a new one.
func TestScriptNames(t *testing.T) {
	if fips() {
		t.Skip("GODEBUG=fips140=only forbids SHA-1, which names the scripts; a run without it compares the names")
	}
	for name, sc := range map[string]script{
		"update": updateScript, "succeed": succeedScript, "create": createScript, "touch": touchScript,
		"index": indexScript, "drop": dropScript, "seen": seenScript, "limit": limitScript,
	} {
		if want := scriptOf(sc.body).sha; sc.sha != want {
			t.Errorf("%s: %s, want %s", name, sc.sha, want)
		}
	}
}

func fips() bool { return strings.Contains(os.Getenv("GODEBUG"), "fips140=only") }

// If Go allows only approved cryptography, the package starts and keeps every rule.
func TestStoreInFIPSMode(t *testing.T) {
	t.Parallel()
	single(t)
	cmd := exec.Command(os.Args[0], "-test.run", "^(TestStore|TestRoundTrips|TestCachedLoadAsksNobody)$")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out[max(0, len(out)-2000):])
	}
}

// After a server has lost its scripts, every kind of call still succeeds.
func TestScriptsAreForgotten(t *testing.T) {
	server := startserver.Redis(t)
	s := openStore(t, nil, Config{}, server.Addr)
	rec := create(t, s, "alice", "data")
	for range 2 {
		command(t, server, "SCRIPT", "FLUSH")
		ok(t, s.Update(t.Context(), rec))
		command(t, server, "SCRIPT", "FLUSH")
		ok(t, s.Touch(t.Context(), rec.ID, rec.Version, rec.Used, rec.Expires.Add(time.Second)))
		command(t, server, "SCRIPT", "FLUSH")
		next := newRecord("alice", "next")
		ok(t, s.Succeed(t.Context(), ended(rec), next))
		command(t, server, "SCRIPT", "FLUSH")
		create(t, s, "alice", "other")
		rec = next
		command(t, server, "SCRIPT", "FLUSH")
		_, err := s.CreateLimited(t.Context(), newRecord("bob", "\x00\x00"), driver.Limit{Most: 1})
		ok(t, err)
	}
	n := 0
	for _, err := range s.BySubject(t.Context(), "alice") {
		ok(t, err)
		n++
	}
	if n != 3 { // two others and the last next
		t.Errorf("%d records of the subject, want 3", n)
	}
}
