package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// user is somebody with an empty module who wants one of ours.
type user struct {
	module module
	dir    string
	env    []string
}

// userEnv is the environment of a machine that never saw this repository. The go command takes our modules from our tags,
// as a module proxy does, except that git finds the clone where the repository will be. All others come from the normal
// proxy. What the module cache of this machine holds is asked first, to save the download; a new machine has an empty one,
// and that is fine.
func userEnv(scratch string, root module) ([]string, error) {
	normal, err := output(".", nil, "go", "env", "GOPROXY")
	if err != nil {
		return nil, err
	}
	cache, err := output(".", nil, "go", "env", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	return append(gitConfig("url."+fileURL(root.clone)+".insteadOf", "https://"+root.Path),
		"GOPROXY="+fileURL(filepath.Join(cache, "cache", "download"))+","+normal,
		"GONOPROXY="+path.Dir(root.Path), // no proxy is asked for the parent, either
		"GOMODCACHE="+filepath.Join(scratch, "modcache"),
		"GOFLAGS=-mod=mod -modcacherw", // rw: so that the scratch folder can be deleted
		"GOSUMDB=off",                  // nobody has published what we just tagged
		"GOPRIVATE=", "GOVCS=",
		"GOWORK=off",
	), nil
}

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return "file://" + path
}

// check does "go get", "go vet" and "go build", and returns what came along.
func (u user) check() (string, error) {
	own, err := ownFamilies(u.module.Name())
	if err != nil {
		return "", err
	}
	if u.module.Command() {
		return u.install(own)
	}
	packages, err := u.packages()
	if err != nil {
		return "", err
	}
	if err := u.writeProgram(packages); err != nil {
		return "", err
	}
	if _, err := u.run("go", "mod", "init", "example.com/user"); err != nil {
		return "", err
	}
	// Only the module: a package that it does not bring itself must not come in
	// by "go mod tidy".
	if _, err := u.run("go", "get", u.module.Path); err != nil {
		return "", err
	}
	if err := u.licensed(); err != nil {
		return "", err
	}
	// -trimpath keeps the scratch folder out of the build cache's keys.
	if _, err := u.run("go", "vet", "-trimpath", "."); err != nil {
		return "", err
	}
	if _, err := u.run("go", "build", "-trimpath", "-o", "program", "."); err != nil {
		return "", err
	}
	views, err := u.views()
	if err != nil {
		return "", err
	}
	var uninvited []error
	for _, v := range views {
		uninvited = append(uninvited, v.uninvited(u.module, own)...)
	}
	return fmt.Sprintf("%d packages of ours; modules in the build: %d", len(packages), views[len(views)-1].modules()),
		errors.Join(uninvited...)
}

// licensed asks for the files that the user has of the module: they have our tag, and our licence.
func (u user) licensed() error {
	out, err := u.run("go", "mod", "download", "-json", u.module.Path+"@"+rehearsal)
	if err != nil {
		return err
	}
	var got struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		return err
	}
	ours, err := os.ReadFile(filepath.Join(u.module.clone, "LICENSE"))
	if err != nil {
		return err
	}
	theirs, err := os.ReadFile(filepath.Join(got.Dir, "LICENSE"))
	if err == nil && !bytes.Equal(ours, theirs) {
		err = errors.New("another LICENSE than ours")
	}
	return err
}

// install does "go install" with the tagged version, and runs the program.
func (u user) install(own []string) (string, error) {
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return "", err
	}
	env := append(slices.Clone(u.env), "GOFLAGS=-modcacherw", "GOBIN="+u.dir) // -mod=mod is not for go install
	if _, err := output(u.dir, env, "go", "install", "-trimpath", u.module.Path+"@"+rehearsal); err != nil {
		return "", err
	}
	program := filepath.Join(u.dir, filepath.Base(u.module.Path))
	version, err := output(u.dir, env, program, "--version")
	if err != nil {
		return "", err
	}
	if !slices.Contains(strings.Fields(version), rehearsal) {
		return "", fmt.Errorf("--version prints %q, not %s", version, rehearsal)
	}
	if err := u.licensed(); err != nil {
		return "", err
	}
	built, err := output(u.dir, env, "go", "version", "-m", program)
	if err != nil {
		return "", err
	}
	v := view{"go version -m", built}
	return fmt.Sprintf("installed, says %q; modules in the build: %d", version, v.modules()), errors.Join(v.uninvited(u.module, own)...)
}

// packages are the ones that a user can import.
func (u user) packages() ([]string, error) {
	list, err := output(u.module.Dir(), []string{"GOWORK=off"}, "go", "list", "-f", "{{if ne .Name \"main\"}}{{.ImportPath}}{{end}}", "./...")
	if err != nil {
		return nil, err
	}
	var public []string
	for _, path := range strings.Fields(list) {
		if !strings.Contains(path+"/", "/internal/") {
			public = append(public, path)
		}
	}
	if len(public) == 0 {
		return nil, errors.New("no package to import")
	}
	return public, nil
}

func (u user) writeProgram(packages []string) error {
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for _, path := range packages {
		fmt.Fprintf(&b, "\t_ %q\n", path)
	}
	b.WriteString(")\n\nfunc main() {}\n")
	return os.WriteFile(filepath.Join(u.dir, "main.go"), []byte(b.String()), 0o644)
}

// views are the places where a dependency shows. The last is the binary's own.
func (u user) views() ([]view, error) {
	var views []view
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(u.dir, name))
		if err != nil {
			return nil, err
		}
		views = append(views, view{name, string(data)})
	}
	for _, args := range [][]string{
		{"go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "."},
		{"go", "version", "-m", "program"},
	} {
		text, err := u.run(args[0], args[1:]...)
		if err != nil {
			return nil, err
		}
		views = append(views, view{strings.Join(args[:3], " "), text})
	}
	return views, nil
}

func (u user) run(name string, args ...string) (string, error) {
	return output(u.dir, u.env, name, args...)
}
