package redisstore

import (
	"crypto/sha1"
	"encoding/hex"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func scriptOf(body string) script {
	sum := sha1.Sum([]byte(body))
	return script{hex.EncodeToString(sum[:]), body}
}

// A script that was changed needs its new name.
func TestScriptNames(t *testing.T) {
	if fips() {
		t.Skip("GODEBUG=fips140=only forbids SHA-1, which names the scripts; a run without it compares the names")
	}
	for name, sc := range map[string]script{
		"update": updateScript, "succeed": succeedScript, "create": createScript, "touch": touchScript,
		"index": indexScript, "drop": dropScript, "seen": seenScript,
	} {
		if want := scriptOf(sc.body).sha; sc.sha != want {
			t.Errorf("%s: %s, want %s", name, sc.sha, want)
		}
	}
}

func fips() bool { return strings.Contains(os.Getenv("GODEBUG"), "fips140=only") }

// Where Go allows approved cryptography alone, the package starts and keeps every rule.
func TestStoreInFIPSMode(t *testing.T) {
	t.Parallel()
	single(t)
	cmd := exec.Command(os.Args[0], "-test.run", "^(TestStore|TestRoundTrips|TestCachedLoadAsksNobody)$")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out[max(0, len(out)-2000):])
	}
}
