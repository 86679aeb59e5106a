package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is one module of ours that is published.
type module struct {
	Path  string // import path
	root  string // the root module's path
	clone string // of the repository, with a tag of the module
}

// rehearsal is a version that is never published: the first one is v0.1.0. The clone has no other tags, so that it is
// always the next one there.
const rehearsal = "v0.0.1"

// Name is the folder's, "root" for the root module.
func (m module) Name() string {
	if m.Path == m.root {
		return "root"
	}
	return strings.TrimPrefix(m.Path, m.root+"/")
}

// Command reports whether the module is a program, which users get with "go install".
func (m module) Command() bool { return strings.HasPrefix(m.Name(), "cmd/") }

// rehearse releases HEAD in a clone, as CONTRIBUTING.md says. It returns the modules that are tagged there, the root first.
func rehearse(clone string) ([]module, error) {
	top, err := output(".", nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	head, err := output(top, nil, "git", "log", "-1", "--format=%h %s")
	if err != nil {
		return nil, err
	}
	dirty, err := output(top, nil, "git", "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	fmt.Println("released in a clone:", head)
	if dirty != "" {
		fmt.Println("NOT CHECKED: what is not committed")
	}
	env := append(gitConfig(
		"user.name", "rehearsal", "user.email", "rehearsal@localhost",
		"commit.gpgSign", "false", "tag.gpgSign", "false", "core.hooksPath", os.DevNull,
	), "GOWORK=")
	script := filepath.Join(clone, ".ci", "release")
	for _, step := range [][]string{
		{"git", "clone", "--quiet", "--no-tags", top, clone},
		{"git", "-C", clone, "checkout", "--quiet", "-B", "main"},
		{"bash", script, "--prepare", rehearsal},
		{"git", "-C", clone, "commit", "--quiet", "--all", "--message", rehearsal},
		{"bash", script, rehearsal},
	} {
		if _, err := output(top, env, step[0], step[1:]...); err != nil {
			return nil, err
		}
	}
	return tagged(clone)
}

// gitConfig is the environment in which git has these settings, each a name and a value, on top of the user's.
func gitConfig(settings ...string) []string {
	env := []string{fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings)/2)}
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_%s_%d=%s", []string{"KEY", "VALUE"}[i%2], i/2, s))
	}
	return env
}

// tagged lists the modules that the clone has tags of.
func tagged(clone string) ([]module, error) {
	root, err := output(clone, []string{"GOWORK=off"}, "go", "list", "-m")
	if err != nil {
		return nil, err
	}
	tags, err := output(clone, nil, "git", "tag", "--list")
	if err != nil {
		return nil, err
	}
	var modules []module
	for _, tag := range strings.Fields(tags) {
		modules = append(modules, module{path.Join(root, strings.TrimSuffix(tag, rehearsal)), root, clone})
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path, b.Path) })
	if len(modules) == 0 || modules[0].Path != root {
		return nil, errors.New("the root module is not tagged: " + tags)
	}
	return modules, nil
}

// Dir is the module's folder in the clone.
func (m module) Dir() string {
	return filepath.Join(m.clone, filepath.FromSlash(strings.TrimPrefix(m.Path, m.root)))
}

// output runs a command in dir and returns what it printed, without the end of
// line. An error carries what the command said.
func output(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
