package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// module is one module of ours that is published.
type module struct {
	Path    string // import path
	Dir     string // absolute
	Version string // the one that the nested modules require
	root    string // the root module's path
}

// Name is the folder's, "root" for the root module.
func (m module) Name() string {
	if m.Path == m.root {
		return "root"
	}
	return strings.TrimPrefix(m.Path, m.root+"/")
}

// Command reports whether the module is a program, which users get with "go install".
func (m module) Command() bool { return strings.HasPrefix(m.Name(), "cmd/") }

// unpublished are the folders whose modules are for this repository only.
var unpublished = []string{"examples", "bench", "internal"}

// findModules lists the published modules, the root first: those of go.work, and those with a go.work of their own.
func findModules() ([]module, error) {
	work, err := output(".", nil, "go", "env", "GOWORK")
	if err != nil {
		return nil, err
	}
	if work == "" || work == "off" {
		return nil, errors.New("no go.work: run it from the repository's root, without GOWORK=off")
	}
	list := ""
	err = filepath.WalkDir(filepath.Dir(work), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "go.work" {
			return err
		}
		some, err := output(filepath.Dir(path), nil, "go", "list", "-m", "-json=Path,Dir")
		list += some
		return err
	})
	if err != nil {
		return nil, err
	}
	root := ""
	var found []module
	for dec := json.NewDecoder(strings.NewReader(list)); ; {
		var m module
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if m.Dir == filepath.Dir(work) {
			root = m.Path
			found = append([]module{m}, found...)
			continue
		}
		found = append(found, m)
	}
	return published(found, root)
}

// published drops what is not published and gives the rest the one version.
func published(all []module, root string) ([]module, error) {
	version := ""
	var kept []module
	for _, m := range all {
		m.root = root
		first, _, _ := strings.Cut(m.Name(), "/")
		if slices.Contains(unpublished, first) {
			continue
		}
		if m.Path != root {
			v, err := requiredVersion(m, root)
			if err != nil {
				return nil, err
			}
			if version != "" && v != version {
				return nil, fmt.Errorf("%s requires %s %s, another module %s: one version for all", m.Path, root, v, version)
			}
			version = v
		}
		kept = append(kept, m)
	}
	if version == "" {
		return nil, errors.New("no nested module names the root's version")
	}
	for i := range kept {
		kept[i].Version = version
	}
	return kept, nil
}

func requiredVersion(m module, root string) (string, error) {
	text, err := output(m.Dir, nil, "go", "mod", "edit", "-json")
	if err != nil {
		return "", err
	}
	var file struct {
		Require []struct{ Path, Version string }
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return "", err
	}
	for _, r := range file.Require {
		if r.Path == root {
			return r.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", m.Path, root)
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
