// Command release tags one commit for all modules that we publish. It checks the
// commit first, says what is wrong and the way out, and never pushes. Run it by
// .ci/release. CONTRIBUTING.md, Releases, has the steps.
//
// The work is split by what it touches: prepare.go changes files, tags.go makes
// tags, checks.go says what is wrong with a commit, repo.go and version.go read.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const usage = `usage: .ci/release [--dry-run] VERSION             tags HEAD for all modules, and pushes nothing
       .ci/release --prepare [--dry-run] VERSION   sets VERSION in every go.mod and in CHANGELOG.md`

func main() {
	if err := run(".", os.Args[1:], time.Now(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// job is one call of the command.
type job struct {
	repo    repo
	version string
	today   string // as CHANGELOG.md writes it
	dryRun  bool
	out     io.Writer
}

func run(dir string, args []string, now time.Time, out io.Writer) error {
	j := job{repo: repo{dir}, today: now.Format(time.DateOnly), out: out}
	do := job.release
	for _, arg := range args {
		switch {
		case arg == "--dry-run":
			j.dryRun = true
		case arg == "--prepare":
			do = job.prepare
		case strings.HasPrefix(arg, "-") || j.version != "":
			return fmt.Errorf("%q is one argument too many\n%s", arg, usage)
		default:
			j.version = arg
		}
	}
	if j.version == "" {
		return errors.New("which version?\n" + usage)
	}
	return do(j)
}

func (j job) say(format string, args ...any) { fmt.Fprintf(j.out, format+"\n", args...) }
