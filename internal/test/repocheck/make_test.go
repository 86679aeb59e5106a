package repocheck

import (
	"regexp"
	"strings"
	"testing"
)

// TestMakeHelp: `make help` prints CONTRIBUTING.md's table, which names every target once.
func TestMakeHelp(t *testing.T) {
	texts := map[string]string{}
	for _, f := range open(t).files {
		texts[f.path] = string(f.text)
	}
	_, phony, _ := strings.Cut(texts["Makefile"], ".PHONY:")
	phony, _, _ = strings.Cut(phony, "\n")
	targets := strings.Fields(phony)
	rows := map[string]int{"help": 1} // the table itself
	for _, m := range regexp.MustCompile("(?m)^\\| `make ([a-z]+)` \\| .+ \\|$").FindAllStringSubmatch(texts["CONTRIBUTING.md"], -1) {
		rows[m[1]]++
	}
	for _, target := range targets {
		if rows[target] != 1 {
			t.Errorf("make %s has %d rows in CONTRIBUTING.md, want 1", target, rows[target])
		}
		delete(rows, target)
	}
	if len(targets) == 0 || len(rows) > 0 {
		t.Errorf("targets: %q; rows without one: %v", targets, rows)
	}
}
