package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// Every error says what is wrong, and the way out.

// wrongHere are the faults of the place and of the moment.
func (j job) wrongHere() []error {
	var wrong []error
	if branch, err := j.repo.git("symbolic-ref", "--short", "HEAD"); err != nil || branch != "main" {
		wrong = append(wrong, fmt.Errorf("HEAD is on branch %q, not on main: git switch main", branch))
	}
	if dirty, err := j.repo.git("status", "--porcelain"); err != nil || dirty != "" {
		wrong = append(wrong, fmt.Errorf("the work tree has changes that the tags would not have: commit them, or git stash --include-untracked\n%s", dirty))
	}
	return wrong
}

// wrongIn are the faults of a commit. When an interrupted run is finished, the date of the changelog may be over.
func (j job) wrongIn(commit string, all []module, begun bool) []error {
	var wrong []error
	prepare := ": .ci/release --prepare " + j.version + ", and commit"
	if _, err := j.repo.file(commit, "LICENSE"); err != nil {
		// The go command copies the root's LICENSE, of that name only, into the zip of a module in a folder that has none:
		// https://go.dev/ref/mod#vcs-license.
		wrong = append(wrong, errors.New("the commit has no file LICENSE at the root, so no module would have one: add it"))
	}
	var others []string
	for _, m := range all {
		if m.published() && slices.ContainsFunc(m.ours(all), func(q *modfile.Require) bool { return q.Mod.Version != j.version }) {
			others = append(others, path.Join(m.dir, "go.mod"))
		}
	}
	if len(others) > 0 {
		wrong = append(wrong, fmt.Errorf("%s: another version of ours than %s%s", strings.Join(others, ", "), j.version, prepare))
	}
	text, err := j.repo.file(commit, "CHANGELOG.md")
	if err != nil {
		return append(wrong, err)
	}
	number := strings.TrimPrefix(j.version, "v")
	at, body, _, has := section(text, number)
	switch {
	case !has:
		wrong = append(wrong, fmt.Errorf("CHANGELOG.md has no section [%s]%s", number, prepare))
	case entries(text, number) == "":
		wrong = append(wrong, fmt.Errorf("CHANGELOG.md says nothing under [%s]: say what users get", number))
	case !begun && strings.TrimSpace(text[at:body]) != headingOf(j.version, j.today):
		wrong = append(wrong, fmt.Errorf("CHANGELOG.md: %q is not dated today, %s%s", strings.TrimSpace(text[at:body]), j.today, prepare))
	}
	if entries(text, unreleased) != "" {
		wrong = append(wrong, fmt.Errorf("CHANGELOG.md has something under Unreleased, which would be released without its version%s", prepare))
	}
	return wrong
}
