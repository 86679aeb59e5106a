package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// repo is the folder of a git repository, with a work tree.
type repo struct{ dir string }

// git runs git there and returns what it printed, without the end of line. An
// error carries what git said.
func (r repo) git(args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimRight(out.String(), "\r\n"), nil
}

// file returns the text of a file as a commit has it, and not as the work tree does: users get the commit.
func (r repo) file(commit, name string) (string, error) { return r.git("show", commit+":"+name) }

// module is one go.mod of a commit.
type module struct {
	dir  string // with slashes, "." for the root
	path string
	mod  *modfile.File
}

// unpublished are the folders whose modules are for this repository only.
var unpublished = []string{"examples", "bench", "internal"}

func (m module) published() bool {
	first, _, _ := strings.Cut(m.dir, "/")
	return !slices.Contains(unpublished, first)
}

// tag is the name under which the go command looks for the module's version: https://go.dev/ref/mod#vcs-version.
func (m module) tag(version string) string { return path.Join(m.dir, version) }

// modules lists all modules of a commit, the root first.
func (r repo) modules(commit string) ([]module, error) {
	names, err := r.git("ls-tree", "-r", "--name-only", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	var found []module
	for name := range strings.SplitSeq(names, "\n") {
		if path.Base(name) != "go.mod" {
			continue
		}
		text, err := r.file(commit, name)
		if err != nil {
			return nil, err
		}
		mod, err := modfile.Parse(name, []byte(text), nil)
		if err != nil {
			return nil, err
		}
		found = append(found, module{path.Dir(name), mod.Module.Mod.Path, mod})
	}
	slices.SortFunc(found, func(a, b module) int { return strings.Compare(a.dir, b.dir) })
	if len(found) == 0 || found[0].dir != "." {
		return nil, errors.New("there is no go.mod at the root of the repository")
	}
	return found, nil
}

// ours are the modules that m requires and that this repository has, as go.mod says them.
func (m module) ours(all []module) []*modfile.Require {
	return slices.DeleteFunc(slices.Clone(m.mod.Require), func(q *modfile.Require) bool {
		return !slices.ContainsFunc(all, func(one module) bool { return one.path == q.Mod.Path })
	})
}
