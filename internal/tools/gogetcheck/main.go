// Command gogetcheck proves what a user gets with "go get". It clones HEAD into a
// temporary folder and releases it there with .ci/release. Then each module is
// fetched into an empty one by its tag, a program is built with it, and what came
// along is looked at: the root module brings nothing, an adapter its own
// framework, a store its own client.
//
// A replace directive counts in the main module only, so a build inside this
// repository cannot show a file that is not committed or is in another module's
// folder, a wrong requirement or an uninvited dependency. This can.
//
// Run it from the repository's root: go run ./internal/tools/gogetcheck
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gogetcheck:", err)
		os.Exit(1)
	}
}

func run() error {
	// The repository's own folder is no place: a go.mod there would be found.
	scratch, err := os.MkdirTemp("", "gogetcheck-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	modules, err := rehearse(filepath.Join(scratch, "clone"))
	if err != nil {
		return err
	}
	env, err := userEnv(scratch, modules[0])
	if err != nil {
		return err
	}
	var failed []error
	for _, m := range modules {
		began := time.Now()
		u := user{module: m, env: env, dir: filepath.Join(scratch, "user", filepath.FromSlash(m.Name()))}
		result, err := u.check()
		if err != nil {
			fmt.Printf("FAIL  %-22s %s\n", m.Name(), indent(err))
			failed = append(failed, errors.New(m.Name()))
			continue
		}
		fmt.Printf("ok    %-22s %s (%.1fs)\n", m.Name(), result, time.Since(began).Seconds())
	}
	if err := errors.Join(failed...); err != nil {
		return fmt.Errorf("go get brings what it should not, or does not work: %s", strings.ReplaceAll(err.Error(), "\n", ", "))
	}
	return nil
}

func indent(err error) string { return strings.ReplaceAll(err.Error(), "\n", "\n      ") }
