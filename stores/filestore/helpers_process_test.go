//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The tests start this test binary as other processes. The environment gives each a role to play and a folder.
const roleEnv, dirEnv, argEnv = "FILESTORE_TEST_ROLE", "FILESTORE_TEST_DIR", "FILESTORE_TEST_ARG"

var roles = map[string]func(dir, arg string) error{"count": countRole, "churn": churnRole, "limit": limitRole}

func TestMain(m *testing.M) {
	role, ok := roles[os.Getenv(roleEnv)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := role(os.Getenv(dirEnv), os.Getenv(argEnv)); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func process(tb testing.TB, role, dir, arg string) *exec.Cmd {
	tb.Helper()
	exe, err := os.Executable()
	check(tb, err)
	cmd := exec.Command(exe)
	cmd.Dir = filepath.Dir(dir)
	cmd.Env = append(os.Environ(), roleEnv+"="+role, dirEnv+"="+filepath.Base(dir), argEnv+"="+arg)
	return cmd
}

func run(tb testing.TB, role, dir, arg string) {
	tb.Helper()
	if out, err := process(tb, role, dir, arg).CombinedOutput(); err != nil {
		tb.Errorf("process %s %s: %v\n%s", role, arg, err, out)
	}
}
