package keyring

import (
	"crypto/fips140"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Given a process in which everything outside FIPS 140-3 fails, when the tests of
// sealing, rotation and golden files run, then they pass.
func TestFIPSOnly(t *testing.T) {
	if os.Getenv("TESTS_FIPS_CHILD") != "" {
		if !fips140.Enabled() {
			t.Fatal("FIPS mode is off in the child")
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^(TestFIPSOnly|TestSealOpen|TestRotation|TestEveryAlterationIsRefused|TestGolden|TestParse)$")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "TESTS_FIPS_CHILD=1")
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "fips140: ") && strings.Contains(string(out), "not supported") {
		t.Skipf("this build has no FIPS mode: %s", out)
	}
	if err != nil || strings.Count(string(out), "--- PASS: Test") != 6 {
		t.Fatalf("%v\n%s", err, out)
	}
}
