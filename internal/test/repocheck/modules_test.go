package repocheck

import (
	"encoding/json"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// modFile is what "go mod edit -json" prints of a go.mod.
type modFile struct {
	Module  struct{ Path string }
	Go      string
	Require []struct{ Path, Version string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// workFile is what "go work edit -json" prints of go.work.
type workFile struct {
	Go  string
	Use []struct{ DiskPath string }
}

// readJSON runs a go command that prints JSON.
func readJSON(t *testing.T, r *repo, into any, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = r.root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatal(err)
	}
}

func readMod(t *testing.T, r *repo, dir string) modFile {
	t.Helper()
	var m modFile
	readJSON(t, r, &m, "mod", "edit", "-json", filepath.Join(filepath.FromSlash(dir), "go.mod"))
	return m
}

// TestEveryModuleHasOneWorkspace: a workspace has one version of each dependency for all its modules. So a module that
// would choose another version for the rest stands apart, in a workspace of its own, whose go.work lies in its folder.
// .ci/run finds such modules by that file.
func TestEveryModuleHasOneWorkspace(t *testing.T) {
	r := open(t)
	listed := map[string]string{} // by what lists it
	for _, f := range r.files {
		if path.Base(f.path) != "go.work" {
			continue
		}
		var work workFile
		readJSON(t, r, &work, "work", "edit", "-json", filepath.FromSlash(f.path)) // named: GOWORK=off is fine, too
		if f.dir() != "." && (len(work.Use) != 1 || work.Use[0].DiskPath != ".") {
			t.Errorf("%s must use its own module and no other: %v", f.path, work.Use)
		}
		if want := readMod(t, r, f.dir()).Go; work.Go != want {
			t.Errorf("%s: go %s, the module says %s", f.path, work.Go, want)
		}
		for _, u := range work.Use {
			m := path.Join(f.dir(), filepath.ToSlash(u.DiskPath))
			if other, twice := listed[m]; twice {
				t.Errorf("module %s is in %s and in %s", m, other, f.path)
			}
			listed[m] = f.path
		}
	}
	for _, m := range r.modules {
		if _, ok := listed[m]; !ok {
			t.Errorf("module %s is in no go.work: no check would see it", m)
		}
	}
}

// The root's dependencies would be everybody's.
func TestRootModuleRequiresNothing(t *testing.T) {
	r := open(t)
	root := readMod(t, r, ".")
	if root.Module.Path != rootModule {
		t.Errorf("module %s, want %s", root.Module.Path, rootModule)
	}
	if len(root.Require)+len(root.Replace) > 0 {
		t.Errorf("the root go.mod must stay empty: %+v", root)
	}
	for _, f := range r.files {
		if f.path == "go.sum" && len(f.text) > 0 {
			t.Error("the root module has a go.sum")
		}
	}
}

var release = regexp.MustCompile(`^v\d+\.\d+\.\d+(-rc\.\d+)?$`)

// A nested module names the next release of the root, for users, and replaces it
// by the folder, for us. A version that is never released would break "go get". "go install" refuses a replace, so a
// command has none: go.work serves us there, and a copy of its go.mod in .ci/run.
func TestNestedModules(t *testing.T) {
	r := open(t)
	goLine := readMod(t, r, ".").Go
	version := ""
	for _, dir := range r.modules {
		if dir == "." {
			continue
		}
		mod := readMod(t, r, dir)
		if want := rootModule + "/" + dir; mod.Module.Path != want {
			t.Errorf("%s: module %s, want %s", dir, mod.Module.Path, want)
		}
		if published(dir) && mod.Go != goLine {
			t.Errorf("%s: go %s, the root says %s", dir, mod.Go, goLine)
		}
		var required, replaced []string
		for _, q := range mod.Require {
			to, ours := own(q.Path)
			if !ours {
				continue
			}
			required = append(required, q.Path)
			if published(dir) && to != "." {
				t.Errorf("%s: requires %s; a module requires the root only", dir, q.Path)
			}
			if !release.MatchString(q.Version) {
				t.Errorf("%s: %s %s is no version that will be released", dir, q.Path, q.Version)
			}
			if version == "" {
				version = q.Version
			}
			if q.Version != version {
				t.Errorf("%s: %s %s; other modules say %s", dir, q.Path, q.Version, version)
			}
		}
		for _, p := range mod.Replace {
			to, ours := own(p.Old.Path)
			if !ours || path.Join(dir, filepath.ToSlash(p.New.Path)) != to {
				t.Errorf("%s: replace %s => %s: only our own modules, by their folder", dir, p.Old.Path, p.New.Path)
			}
			replaced = append(replaced, p.Old.Path)
		}
		if published(dir) && !slices.Contains(required, rootModule) {
			t.Errorf("%s: does not require %s", dir, rootModule)
		}
		if command := within(dir, "cmd"); command && len(replaced) > 0 {
			t.Errorf("%s: replaces %v, so \"go install\" would refuse it", dir, replaced)
			continue
		} else if command {
			continue
		}
		for _, p := range required {
			if !slices.Contains(replaced, p) {
				t.Errorf("%s: requires %s without a replace: it would test the released one", dir, p)
			}
		}
	}
}
