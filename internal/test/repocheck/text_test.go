package repocheck

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxLines is where a Go file has certainly become two ideas.
const maxLines = 500

func TestGoFilesStaySmall(t *testing.T) {
	for _, f := range open(t).files {
		if n := bytes.Count(f.text, []byte("\n")); f.ast != nil && n > maxLines {
			t.Errorf("%s has %d lines, want at most %d: one file, one idea", f.path, n, maxLines)
		}
	}
}

// Hosts of package registries and folders of one machine are nobody else's. The
// patterns are put together so that this file does not contain them.
var foreign = []*regexp.Regexp{
	regexp.MustCompile(`\b(proxy|sum)\.golang` + `\.org\b`),
	regexp.MustCompile(`\bregistry\.npmjs` + `\.org\b`),
	regexp.MustCompile(`\b(deb|security|ftp)\.debian` + `\.org\b`),
	regexp.MustCompile(`(^|[\s"'=(:,` + "`" + `])/(work|root)` + `/`),
}

func TestNoMachineInTheText(t *testing.T) {
	for _, f := range open(t).files {
		for _, pattern := range foreign {
			if at := pattern.FindIndex(f.text); at != nil {
				t.Errorf("%s:%d: %q names a machine or a registry", f.path, 1+bytes.Count(f.text[:at[0]], []byte("\n")), strings.TrimSpace(string(f.text[at[0]:at[1]])))
			}
		}
	}
}

// A program that a build left in the tree would stay in every clone for good.
func TestNoPrograms(t *testing.T) {
	r := open(t)
	out, err := exec.Command("git", "-C", r.root, "ls-files", "-z").Output()
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("not a git repository: ", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		const most = 1 << 20
		if info, err := os.Stat(filepath.Join(r.root, name)); err == nil && info.Size() > most {
			t.Errorf("%s has %d bytes, at most %d: is it a program?", name, info.Size(), most)
		}
	}
}
