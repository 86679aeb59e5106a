package main

import (
	"os"
	"path"
	"path/filepath"

	"golang.org/x/mod/modfile"
)

// prepare sets the version in the work tree: in what every go.mod requires of ours, and in CHANGELOG.md. Done again, it
// changes no more than the date.
func (j job) prepare() error {
	tags, err := j.repo.tags()
	if err != nil {
		return err
	}
	if err := checkNext(j.version, tags.versions()); err != nil {
		return err
	}
	all, err := j.repo.modules("HEAD")
	if err != nil {
		return err
	}
	for _, m := range all {
		name := path.Join(m.dir, "go.mod")
		if err := j.rewrite(name, func(text string) (string, error) { return requireOurs(name, text, all, j.version) }); err != nil {
			return err
		}
	}
	if err := j.rewrite("CHANGELOG.md", func(text string) (string, error) { return released(text, j.version, j.today) }); err != nil {
		return err
	}
	if !j.dryRun {
		j.say("Read the diff, then commit it on main: git commit -am 'all modules: %s'", j.version)
	}
	return nil
}

// requireOurs sets the version of each module of ours that a go.mod requires.
func requireOurs(name, text string, all []module, version string) (string, error) {
	mod, err := modfile.Parse(name, []byte(text), nil)
	if err != nil {
		return "", err
	}
	for _, q := range (module{mod: mod}).ours(all) {
		if err := mod.AddRequire(q.Mod.Path, version); err != nil { // changes the line that is there
			return "", err
		}
	}
	after, err := mod.Format()
	return string(after), err
}

// rewrite changes a file of the work tree, and says so. A dry run only says so.
func (j job) rewrite(name string, change func(string) (string, error)) error {
	full := filepath.Join(j.repo.dir, filepath.FromSlash(name))
	before, err := os.ReadFile(full)
	if err != nil {
		return err
	}
	after, err := change(string(before))
	if err != nil || after == string(before) {
		return err
	}
	if j.dryRun {
		j.say("would change %s", name)
		return nil
	}
	j.say("changed %s", name)
	return os.WriteFile(full, []byte(after), 0o644)
}
